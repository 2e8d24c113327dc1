"""Error texts of DAG runs: the failed task and its error, fetched after the walk with a limited number of requests."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache

from ingestion.connections import AuthSettings
from ingestion.connectors.airflow_errors import NO_FAILED_TASK, failure_text, log_lines
from ingestion.error_texts import MAX_REQUESTS
from ingestion.synthetic.airflow_recording import RecordedRow
from ingestion.synthetic.airflow_replay import AIRFLOW_2_RUNS_ENDED, ALL_RUNS_ENDED, Airflow2Replay, AirflowReplay
from ingestion.synthetic.airflow_tasks import AIRFLOW_2_LOG, recorded_body
from ingestion.synthetic.partner import Answer, Request
from ingestion.tests.support import (
    PASSWORD_ENV,
    airflow_connection,
    create_pipelines,
    ingest,
    outcomes,
    row_versions,
)
from inventory.models import Pipeline
from runs.models import Run

pytestmark = pytest.mark.django_db

ERROR_TEXT_START = "Task reconcile failed (try 2 of 2): ValueError: ledger mismatch for"


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    """Empty the cache: there, CHM stores which runs have no text, and which connections refuse requests for texts."""
    cache.clear()
    yield
    cache.clear()


def serve_failed_runs(airflow: AirflowReplay, run_count: int, *, ended: datetime) -> None:
    """Serve failed runs of one DAG. The first run ends at `ended`, and each further run a second later."""
    template = next(row for row in airflow.moments[ALL_RUNS_ENDED].rows if row.data["state"] == "failed")
    airflow.rows = [
        RecordedRow(
            template.data
            | {
                "dag_id": "orders.reconcile-v2",
                "dag_run_id": f"run-{place:03}",
                "start_date": (ended + timedelta(seconds=place - 60)).isoformat(),
                "end_date": (ended + timedelta(seconds=place)).isoformat(),
            },
            datetime.now(UTC),
        )
        for place in range(run_count)
    ]


def task_requests(airflow: AirflowReplay) -> list[Request]:
    """Return the requests for tasks and for their logs."""
    return [request for request in airflow.requests if "/taskInstances" in request.path]


def error_texts_by_run() -> dict[str, str | None]:
    return dict(Run.objects.filter(status="failed").values_list("external_run_id", "error_message"))


def test_every_failed_run_names_its_failing_task_and_a_second_walk_changes_nothing(
    airflow: AirflowReplay, dags: dict[str, Pipeline]
) -> None:
    serve_failed_runs(airflow, 3, ended=datetime.now(UTC))
    connection = airflow_connection(airflow)
    assert ingest(connection).error_texts == 3
    before = row_versions()
    airflow.requests.clear()

    again = ingest(connection)

    assert all(text and text.startswith(ERROR_TEXT_START) for text in error_texts_by_run().values())
    assert outcomes(again) == {"unchanged": 3}
    assert row_versions() == before
    assert task_requests(airflow) == [], "a text that is stored is not requested again"


def test_a_cleared_run_loses_its_error_text_and_gets_the_text_of_its_next_failure(
    airflow: AirflowReplay, dags: dict[str, Pipeline]
) -> None:
    serve_failed_runs(airflow, 1, ended=datetime.now(UTC))
    connection = airflow_connection(airflow)
    ingest(connection)
    [row] = airflow.rows
    data = row.data

    airflow.rows = [replace(row, data=data | {"state": "queued", "start_date": None, "end_date": None})]
    ingest(connection)
    run = Run.objects.get()
    assert (run.status, run.error_message) == ("running", None)

    airflow.rows = [replace(row, data=data | {"end_date": datetime.now(UTC).isoformat()})]
    ingest(connection)
    assert (Run.objects.get().error_message or "").startswith(ERROR_TEXT_START)


def test_each_ingestion_sends_at_most_twenty_requests_for_the_newest_failures_first(
    airflow: AirflowReplay, dags: dict[str, Pipeline]
) -> None:
    serve_failed_runs(airflow, 45, ended=datetime.now(UTC))
    connection = airflow_connection(airflow)

    ingest(connection)
    runs_with_text = {run for run, text in error_texts_by_run().items() if text}
    assert len(task_requests(airflow)) == MAX_REQUESTS == 20
    assert runs_with_text == {f"run-{place:03}" for place in range(45 - 19, 45)}, "one list of tasks and 19 logs"

    ingest(connection)
    ingest(connection)
    assert all(error_texts_by_run().values())


def test_old_failures_are_read_with_one_request_per_fifty_and_without_logs(
    airflow: AirflowReplay, dags: dict[str, Pipeline]
) -> None:
    serve_failed_runs(airflow, 120, ended=datetime.now(UTC) - timedelta(days=30))

    ingest(airflow_connection(airflow))

    assert set(error_texts_by_run().values()) == {"Task reconcile failed (try 2 of 2)"}
    assert len(task_requests(airflow)) == 3


def test_a_failed_run_without_a_failed_task_gets_a_text_that_explains_it(
    airflow: AirflowReplay, dags: dict[str, Pipeline]
) -> None:
    serve_failed_runs(airflow, 1, ended=datetime.now(UTC))
    airflow.faults = [_fault_for("/taskInstances/list", Answer(body={"task_instances": [], "total_entries": 0}))] * 20

    ingest(airflow_connection(airflow))

    assert error_texts_by_run() == {"run-000": NO_FAILED_TASK}


def test_the_error_text_has_only_the_task_if_the_log_cannot_be_read(
    airflow: AirflowReplay, dags: dict[str, Pipeline]
) -> None:
    serve_failed_runs(airflow, 1, ended=datetime.now(UTC))
    airflow.faults = [_fault_for("/logs/", Answer(404, {"detail": "TaskInstance not found"}))] * 20

    assert ingest(airflow_connection(airflow)).errors == []
    assert error_texts_by_run() == {"run-000": "Task reconcile failed (try 2 of 2)"}


def test_error_texts_are_not_requested_again_after_a_refusal_and_walks_continue(
    airflow: AirflowReplay, dags: dict[str, Pipeline]
) -> None:
    serve_failed_runs(airflow, 2, ended=datetime.now(UTC))
    airflow.faults = [_fault_for("/taskInstances", Answer(403, {"detail": "Forbidden"}))] * 40
    connection = airflow_connection(airflow)

    reports = [ingest(connection) for _ in range(3)]

    assert [report.errors for report in reports] == [[], [], []]
    assert Run.objects.count() == 2
    assert len(task_requests(airflow)) == 1


def test_two_clients_that_share_a_dag_get_the_text_without_extra_requests(
    airflow: AirflowReplay, dags: dict[str, Pipeline]
) -> None:
    create_pipelines("Contoso", "orders.reconcile-v2")
    serve_failed_runs(airflow, 1, ended=datetime.now(UTC))

    ingest(airflow_connection(airflow))

    assert Run.objects.filter(error_message__startswith=ERROR_TEXT_START).count() == 2
    assert len(task_requests(airflow)) == 2


def test_error_texts_of_airflow_2_are_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "REDACTED")
    create_pipelines("Northwind", "legacy_daily")
    with Airflow2Replay(moment=AIRFLOW_2_RUNS_ENDED) as airflow:
        auth = AuthSettings(kind="basic", username="admin", secret_env=PASSWORD_ENV)
        ended = datetime.now(UTC).isoformat()
        airflow.rows = [
            replace(row, data=row.data | {"end_date": ended}) if row.data["state"] == "failed" else row
            for row in airflow.rows
        ]
        ingest(airflow_connection(airflow, auth=auth))

        stored_texts = error_texts_by_run()
        assert stored_texts
        assert all(
            text and text.startswith("Task reconcile failed (try 2 of 2): ValueError: no rows")
            for text in stored_texts.values()
        )
        assert {request.path.split("/")[2] for request in task_requests(airflow)} == {"v1"}


def test_secrets_in_a_log_are_filtered(airflow: AirflowReplay, dags: dict[str, Pipeline]) -> None:
    serve_failed_runs(airflow, 1, ended=datetime.now(UTC))
    log = {"content": [{"event": "connecting to https://user:hunter2@db.example"}], "continuation_token": None}
    airflow.faults = [_fault_for("/logs/", Answer(body=log))] * 20

    ingest(airflow_connection(airflow))

    [text] = error_texts_by_run().values()
    assert "db.example" in (text or "")
    assert "hunter2" not in (text or "")


def test_the_text_names_the_first_task_and_at_most_five_other_failed_tasks() -> None:
    tasks: list[dict[str, Any]] = [
        {"task_id": "load", "map_index": number, "try_number": 1, "max_tries": 0} for number in range(8)
    ]

    assert failure_text(tasks, []) == (
        "Task load[0] failed (try 1 of 1)\nAlso failed: load[1], load[2], load[3], load[4], load[5] and 2 more"
    )


def test_logs_in_all_formats_are_read() -> None:
    assert log_lines(recorded_body("task-log")["content"])[-1].startswith("ValueError: ledger mismatch")
    assert log_lines(AIRFLOW_2_LOG)[-2] == "ValueError: no rows"
    assert log_lines(["one\ntwo", 3, {"event": None}]) == ["one", "two"]
    assert log_lines(None) == []


def _fault_for(part: str, answer: Answer) -> Any:
    """Return a fault that answers requests whose path contains `part`. Other requests get their usual response."""
    return lambda request: answer if part in request.path else None
