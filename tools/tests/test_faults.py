"""`python -m tools.faults --write` refuses options with which rows of the document would be lost."""

import pytest

from tools.faults import __main__ as faults


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--write", "--only", "database"], "--write with --only needs --web"),
        (["--write", "--quick"], "leave out --quick"),
        (["--web", "--ingestion"], "not allowed with argument"),
    ],
)
def test_options_with_which_rows_would_be_lost_are_refused(
    options: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["faults", *options])
    monkeypatch.setattr(faults, "LocalInstallation", None)  # never start one, even if the options are accepted

    with pytest.raises(SystemExit) as ended:
        faults.main()

    assert ended.value.code == 2
    assert message in capsys.readouterr().err
