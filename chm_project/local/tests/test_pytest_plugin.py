import pytest


def test_tests_run_in_at_most_as_many_processes_as_the_broker_has_databases(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    for processors, workers in (("2", 2), ("64", 15)):
        monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", processors)

        assert pytestconfig.hook.pytest_xdist_auto_num_workers(config=pytestconfig) == workers
