"""Ingestion from a simulated Prefect, which has recorded flow runs and the filters of a real server."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connection as database

from ingestion import synthetic
from ingestion.connections import AuthSettings, Connection
from ingestion.connectors.prefect import STATUSES, canonical_status
from ingestion.synthetic.partner import Answer, PartnerServer, Request
from ingestion.tests.support import PASSWORD_ENV, SHORT_TIMEOUTS, create_pipelines, ingest, outcomes, row_versions
from runs.models import Run, Status

RECORDINGS = Path(synthetic.__file__).parent / "recordings" / "prefect"
MOMENTS = ("A-early", "B-later")


def recorded_rows(moment: str) -> list[dict[str, Any]]:
    """Return every recorded flow run of this moment, also scheduled ones."""
    rows_by_id: dict[str, dict[str, Any]] = {}
    for path in sorted((RECORDINGS / moment).glob("flow_runs*.json")):
        body = json.loads(path.read_text())["response"]["body"]
        if isinstance(body, list):
            rows_by_id |= {row["id"]: row for row in body}
    return list(rows_by_id.values())


class PrefectPartner(PartnerServer):
    """A simulated Prefect. Tests may replace `rows`, its flow runs."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = recorded_rows("A-early")
        self.failed_tasks: list[dict[str, Any]] = []
        # The ids of flow runs whose state changed, the newest change first. None: the server does not store events.
        self.state_changes: list[str] | None = []
        self.internal_address = "http://prefect.internal:4200"

    def answer(self, request: Request) -> Answer:
        match request.method, request.path:
            case "POST", "/api/flows/filter":
                return Answer(body=[{"id": row["flow_id"]} for row in self.rows])
            case "POST", "/api/events/filter" if self.state_changes is not None:
                return self.events(0)
            case "GET", "/api/events/filter/next" if self.state_changes is not None:
                return self.events(int(str(request.query_value("page-token")).strip("=")))
            case "POST", "/api/task_runs/filter":
                requested = json.loads(request.body)
                flow_run_ids = requested["flow_runs"]["id"]["any_"]
                assert requested["sort"] == "EXPECTED_START_TIME_ASC"
                tasks = [task for task in self.failed_tasks if task["flow_run_id"] in flow_run_ids]
                tasks.sort(key=lambda task: str(task.get("expected_start_time")))
                return Answer(body=tasks[requested["offset"] : requested["offset"] + requested["limit"]])
            case "POST", "/api/flow_runs/filter":
                return self.flow_runs(json.loads(request.body))
        return Answer(404, {"detail": "Not Found"})

    def events(self, first: int) -> Answer:
        """Return a page of 50 events. The URL of the next page has the server's internal host name."""
        changes = self.state_changes or []
        page = changes[first : first + 50]
        page_events = [{"resource": {"prefect.resource.id": f"prefect.flow-run.{name}"}} for name in page]
        following = f"{self.internal_address}/api/events/filter/next?page-token={first + 50}=="
        return Answer(body={"events": page_events, "next_page": following if len(changes) > first + 50 else None})

    def flow_runs(self, requested: dict[str, Any]) -> Answer:
        if requested["limit"] > 200:
            return Answer(422, {"exception_message": "Invalid request received."})
        matching = [row for row in self.rows if self.matches(row, requested["flow_runs"])]
        matching.sort(key=lambda row: (row["start_time"] or "9999", row["id"]))
        return Answer(body=matching[requested["offset"] : requested["offset"] + requested["limit"]])

    @staticmethod
    def matches(row: dict[str, Any], run_filter: dict[str, Any]) -> bool:
        supported = {"start_time", "end_time", "state", "id"}
        assert run_filter.keys() <= supported, "the simulated server has only these filters"
        return (
            ("start_time" not in run_filter or (row["start_time"] is None) == run_filter["start_time"]["is_null_"])
            and ("end_time" not in run_filter or (row["end_time"] or "") >= run_filter["end_time"]["after_"])
            and ("state" not in run_filter or row["state_type"] in run_filter["state"]["type"]["any_"])
            and ("id" not in run_filter or row["id"] in run_filter["id"]["any_"])
        )


@pytest.fixture
def prefect(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(PASSWORD_ENV, "hunter2-of-prefect")
    with PrefectPartner() as partner:
        yield partner


def connection(partner: PrefectPartner) -> Connection:
    auth = AuthSettings(kind="basic", username="admin", secret_env=PASSWORD_ENV)
    return replace(
        Connection("prefect", "prefect", partner.base_url, auth, http_settings=SHORT_TIMEOUTS, reconcile_days=0),
        interval_seconds=60,
    )


def flow_ids() -> list[str]:
    return sorted({row["flow_id"] for moment in MOMENTS for row in recorded_rows(moment)})


def test_the_connector_translates_every_recorded_state() -> None:
    states = {(row["state_type"], row["state_name"]) for moment in MOMENTS for row in recorded_rows(moment)}
    assert {state_type.lower() for state_type, _ in states} - {"scheduled"} <= STATUSES.keys()
    assert ("CRASHED", "Crashed") in states
    for moment in MOMENTS:
        assert {canonical_status(row) for row in recorded_rows(moment)} <= {None, *Status.values}


@pytest.mark.django_db
def test_each_flow_run_is_stored_as_the_server_returned_it(prefect: PrefectPartner) -> None:
    create_pipelines("Northwind", *flow_ids(), platform="vendor_api")

    report = ingest(connection(prefect))

    assert not report.errors
    rows_with_status = [row for row in prefect.rows if canonical_status(row) is not None]
    stored = {run.external_run_id: run for run in Run.objects.all()}
    assert stored.keys() == {row["id"] for row in rows_with_status}
    for row in rows_with_status:
        run = stored[row["id"]]
        assert run.status == canonical_status(row)
        assert (run.started_at.isoformat() if run.started_at else None) == (
            row["start_time"].replace("Z", "+00:00") if row["start_time"] else None
        )
        assert run.source_updated_at is not None
    assert {run.status for run in stored.values()} == {"running", "success", "failed", "canceled", "skipped"}
    timed_out = next(row for row in rows_with_status if row["state_name"] == "TimedOut")
    assert stored[timed_out["id"]].status_reason == "TimedOut"
    assert stored[timed_out["id"]].error_message


@pytest.mark.django_db
def test_a_second_walk_writes_no_row_and_a_later_state_is_stored(prefect: PrefectPartner) -> None:
    create_pipelines("Northwind", *flow_ids(), platform="vendor_api")
    ingest(connection(prefect))
    before = row_versions()

    again = ingest(connection(prefect))
    assert set(outcomes(again)) <= {"unchanged"}
    assert row_versions() == before

    prefect.rows = recorded_rows("B-later")
    # The recorded runs ended long before the watermark, so the walk would not list them without later end times.
    for row in prefect.rows:
        if row["end_time"]:
            row["end_time"] = row["end_time"].replace("2026-11-20", "2099-11-20")
    ingest(connection(prefect))
    crashed = next(row for row in prefect.rows if row["state_type"] == "CRASHED")
    assert Run.objects.get(external_run_id=crashed["id"]).status == "failed"


@pytest.mark.django_db
def test_a_scheduled_run_is_not_stored_and_a_run_between_attempts_is_running(prefect: PrefectPartner) -> None:
    scheduled_row = recorded_rows("A-early")[0] | {
        "id": "00000000-0000-4000-8000-000000000001", "state_type": "SCHEDULED", "state_name": "Late",
        "start_time": None, "end_time": None, "run_count": 0,
    }  # fmt: skip
    waiting_row = scheduled_row | {
        "id": "00000000-0000-4000-8000-000000000002", "state_name": "AwaitingRetry", "run_count": 1,
        "start_time": "2026-11-20T23:00:00Z",
    }  # fmt: skip
    prefect.rows = [scheduled_row, waiting_row]
    create_pipelines("Northwind", scheduled_row["flow_id"], platform="vendor_api")

    ingest(connection(prefect))

    run = Run.objects.get()
    assert (run.external_run_id, run.status, run.status_reason) == (waiting_row["id"], "running", "AwaitingRetry")


@pytest.mark.django_db
def test_an_open_run_that_the_server_no_longer_has_becomes_canceled(prefect: PrefectPartner) -> None:
    create_pipelines("Northwind", *flow_ids(), platform="vendor_api")
    ingest(connection(prefect))
    open_runs = set(Run.objects.still_open().values_list("external_run_id", flat=True))
    assert open_runs
    prefect.rows = []

    ingest(connection(prefect))

    gone = Run.objects.filter(external_run_id__in=open_runs)
    assert {(run.status, run.status_reason) for run in gone} == {("canceled", "gone at source")}
    assert not Run.objects.still_open().exists()


@pytest.mark.django_db
def test_long_listings_are_read_to_their_end(prefect: PrefectPartner) -> None:
    row = next(row for row in recorded_rows("A-early") if row["state_type"] == "COMPLETED")
    prefect.rows = [row | {"id": f"00000000-0000-4000-8000-{number:012}"} for number in range(450)]
    create_pipelines("Northwind", row["flow_id"], platform="vendor_api")
    assert ingest(connection(prefect)).created == 450
    assert Run.objects.count() == 450


@pytest.mark.django_db
def test_a_walk_without_changes_sends_four_requests_for_any_number_of_pipelines(prefect: PrefectPartner) -> None:
    prefect.rows = []
    create_pipelines("Northwind", *(f"flow-{number}" for number in range(300)), platform="vendor_api")
    ingest(connection(prefect))
    prefect.requests.clear()
    ingest(connection(prefect))
    assert len(prefect.requests) == 4  # ended runs, open runs, runs that wait for an attempt, and events


@pytest.mark.django_db
def test_a_failed_run_names_its_first_failed_tasks_before_its_own_message(prefect: PrefectPartner) -> None:
    failed = next(row for row in prefect.rows if row["state_type"] == "FAILED")
    prefect.failed_tasks = [
        {"id": str(number), "flow_run_id": failed["id"], "name": f"load-{number}", "state_name": "Failed",
         "end_time": f"2026-11-20T10:00:{59 - number % 60:02}Z", "state": {"message": f"row {number} does not fit"}}
        for number in range(207)
    ]  # fmt: skip
    create_pipelines("Northwind", *flow_ids(), platform="vendor_api")

    ingest(connection(prefect))

    text = str(Run.objects.get(external_run_id=failed["id"]).error_message)
    # Tasks 59, 119 and 179 ended first. CHM compares their ids as texts.
    assert text.splitlines()[0] == "task load-119: row 119 does not fit"
    assert text.splitlines()[5:] == ["and 202 more tasks", failed["state"]["message"]]
    before = row_versions()
    ingest(connection(prefect), full=True)
    assert row_versions() == before


@pytest.mark.django_db
def test_a_run_with_more_failed_tasks_than_chm_reads_still_names_the_first_ones(prefect: PrefectPartner) -> None:
    failed = next(row for row in prefect.rows if row["state_type"] == "FAILED")
    prefect.failed_tasks = [
        {"id": str(number), "flow_run_id": failed["id"], "name": f"load-{number}", "state_name": "Failed",
         "expected_start_time": f"2026-11-20T10:{number // 60:02}:{number % 60:02}Z",
         "end_time": f"2026-11-20T11:{number // 60:02}:{number % 60:02}Z", "state": {"message": "does not fit"}}
        for number in reversed(range(2_500))
    ]  # fmt: skip
    create_pipelines("Northwind", *flow_ids(), platform="vendor_api")

    ingest(connection(prefect))

    text = str(Run.objects.get(external_run_id=failed["id"]).error_message)
    assert text.splitlines()[0] == "task load-0: does not fit"
    assert text.splitlines()[5] == "and at least 1995 more tasks"


@pytest.mark.django_db
def test_every_failed_run_has_its_tasks_if_the_runs_together_have_more_than_chm_reads(prefect: PrefectPartner) -> None:
    failed = next(row for row in prefect.rows if row["state_type"] == "FAILED")
    failed_runs = [failed | {"id": f"{number}{failed['id'][1:]}"} for number in range(3)]
    prefect.rows = failed_runs
    prefect.failed_tasks = [
        {"id": f"{number}", "flow_run_id": run["id"], "name": f"load-{number}", "state_name": "Failed",
         "expected_start_time": f"{run['id']} {number:04}", "state": {"message": "does not fit"},
         "end_time": f"2026-11-20T11:{number // 60:02}:{number % 60:02}Z"}
        for run in failed_runs
        for number in range(1_500)
    ]  # fmt: skip
    create_pipelines("Northwind", *flow_ids(), platform="vendor_api")

    ingest(connection(prefect))

    texts = Run.objects.values_list("error_message", flat=True)
    assert len(texts) == 3
    for text in texts:
        assert str(text).splitlines()[0] == "task load-0: does not fit"
        assert str(text).splitlines()[5] == "and 1495 more tasks"


def with_state_set_manually(row: dict[str, Any], state_type: str) -> dict[str, Any]:
    """Return the row after a user has set its state. Prefect does not change start_time and end_time then."""
    state_name = state_type.title()
    return row | {
        "state": {"type": state_type, "name": state_name, "message": None},
        "state_type": state_type,
        "state_name": state_name,
        "updated": "2099-01-01T00:00:00Z",
    }


@pytest.mark.django_db
def test_a_state_set_manually_on_an_ended_run_is_stored_by_the_next_walk(prefect: PrefectPartner) -> None:
    create_pipelines("Northwind", *flow_ids(), platform="vendor_api")
    ingest(connection(prefect))
    failed = next(row for row in prefect.rows if row["state_type"] == "FAILED")
    assert Run.objects.get(external_run_id=failed["id"]).status == "failed"
    prefect.rows = [with_state_set_manually(row, "COMPLETED") if row is failed else row for row in prefect.rows]
    prefect.state_changes = [failed["id"]]

    ingest(connection(prefect))

    run = Run.objects.get(external_run_id=failed["id"])
    assert (run.status, run.error_message) == ("success", None)
    before = row_versions()
    ingest(connection(prefect))
    assert row_versions() == before


@pytest.mark.django_db
@pytest.mark.parametrize("internal_address", ["http://prefect.internal:4200", "http://[malformed"])
def test_every_page_of_state_changes_is_read_and_each_run_is_requested_once(
    prefect: PrefectPartner, internal_address: str
) -> None:
    prefect.internal_address = internal_address
    row = next(row for row in recorded_rows("A-early") if row["state_type"] == "FAILED")
    prefect.rows = [row | {"id": f"00000000-0000-4000-8000-{number:012}"} for number in range(130)]
    create_pipelines("Northwind", row["flow_id"], platform="vendor_api")
    ingest(connection(prefect))
    prefect.rows = [with_state_set_manually(row, "COMPLETED") for row in prefect.rows]
    prefect.state_changes = [row["id"] for row in prefect.rows] + [prefect.rows[0]["id"]] * 20
    prefect.requests.clear()

    ingest(connection(prefect))

    assert set(Run.objects.values_list("status", flat=True)) == {"success"}
    assert len(prefect.requests) == 3 + 3 + 3  # three listings, three pages of changes, and the runs of each page


@pytest.mark.django_db
def test_a_walk_succeeds_if_the_server_has_no_events(prefect: PrefectPartner) -> None:
    prefect.state_changes = None
    create_pipelines("Northwind", *flow_ids(), platform="vendor_api")
    ingest(connection(prefect))

    report = ingest(connection(prefect))

    assert report.errors == []
    assert set(outcomes(report)) <= {"unchanged"}


@pytest.mark.django_db
def test_a_response_without_a_list_is_an_error_and_a_bad_item_is_rejected(prefect: PrefectPartner) -> None:
    create_pipelines("Northwind", *flow_ids(), platform="vendor_api")
    prefect.faults = [Answer(body={"detail": "odd"})]
    [problem] = ingest(connection(prefect)).errors
    assert "not a list of flow runs" in str(problem["error"])
    prefect.rows = recorded_rows("A-early")
    prefect.faults = [Answer(body=[*recorded_rows("A-early"), "nonsense"])]
    report = ingest(connection(prefect))
    assert report.rejected == 1
    assert report.created == len([row for row in prefect.rows if canonical_status(row) is not None])


@pytest.mark.django_db
def test_no_planted_secret_is_stored(prefect: PrefectPartner) -> None:
    for moment in MOMENTS:
        prefect.rows = recorded_rows(moment)
        if moment == MOMENTS[0]:
            create_pipelines("Northwind", *flow_ids(), platform="vendor_api")
        ingest(connection(prefect), full=True)
    assert "FAKE" in json.dumps(recorded_rows("A-early")) or "hunter2" in json.dumps(recorded_rows("A-early"))
    with database.cursor() as cursor:
        cursor.execute("SELECT string_agg(runs::text, '') FROM runs")
        text = str(cursor.fetchone()[0])
    assert "FAKE" not in text
    assert "hunter2" not in text
