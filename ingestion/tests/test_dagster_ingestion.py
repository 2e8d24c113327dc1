"""Ingestion from a simulated Dagster, which has recorded runs and the filters of a real server."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection as database

from ingestion import synthetic
from ingestion.connections import Connection
from ingestion.connectors.dagster import STATUSES, read_time
from ingestion.synthetic.partner import Answer, PartnerServer, Request
from ingestion.tests.support import SHORT_TIMEOUTS, create_pipelines, ingest, outcomes, row_versions
from runs.models import Run

RECORDINGS = Path(synthetic.__file__).parent / "recordings" / "dagster"
MOMENTS = ("A-early", "B-settled")


def recorded_rows(moment: str) -> list[dict[str, Any]]:
    """Return every recorded run of this moment, newest first."""
    rows_by_id: dict[str, dict[str, Any]] = {}
    for path in sorted((RECORDINGS / moment).glob("runs*.json")):
        data = (json.loads(path.read_text())["response"]["body"] or {}).get("data") or {}
        rows_by_id |= {row["runId"]: row for row in data.get("runsOrError", {}).get("results", [])}
    return sorted(rows_by_id.values(), key=lambda row: -row["creationTime"])


class DagsterPartner(PartnerServer):
    """A simulated Dagster. Tests may replace `rows`, its runs."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = recorded_rows("A-early")

    def answer(self, request: Request) -> Answer:
        if (request.method, request.path) != ("POST", "/graphql"):
            return Answer(404)
        variables = json.loads(request.body)["variables"]
        run_filter = variables["filter"]
        assert run_filter.keys() <= {"updatedAfter", "pipelineName", "runIds"}
        matching = [
            row
            for row in self.rows
            if row["updateTime"] > run_filter.get("updatedAfter", 0)
            and row["jobName"] == run_filter.get("pipelineName", row["jobName"])
            and row["runId"] in run_filter.get("runIds", [row["runId"]])
        ]
        if variables["cursor"] is not None:
            indexes = [index for index, row in enumerate(matching) if row["runId"] == variables["cursor"]]
            matching = matching[indexes[0] + 1 :] if indexes else []  # an unknown cursor is an empty page
        return Answer(body={"data": {"runsOrError": {"__typename": "Runs", "results": matching[: variables["limit"]]}}})


@pytest.fixture
def dagster() -> Any:
    with DagsterPartner() as partner:
        yield partner


def connection(partner: DagsterPartner) -> Connection:
    return Connection("dagster", "dagster", partner.base_url, http_settings=SHORT_TIMEOUTS, reconcile_days=0)


def job_names() -> list[str]:
    return sorted({row["jobName"] for moment in MOMENTS for row in recorded_rows(moment)})


def test_the_connector_translates_every_status_of_the_server() -> None:
    answer = json.loads((RECORDINGS / "B-settled" / "run-status-values.json").read_text())["response"]["body"]
    known = {value["name"].lower() for value in answer["data"]["__type"]["enumValues"]}
    assert known == STATUSES.keys()
    assert {row["status"].lower() for moment in MOMENTS for row in recorded_rows(moment)} <= known


@pytest.mark.django_db
def test_each_run_is_stored_as_the_server_returned_it_at_each_moment(dagster: DagsterPartner) -> None:
    create_pipelines("Northwind", *job_names(), platform="vendor_api")
    for moment in MOMENTS:
        dagster.rows = recorded_rows(moment)
        assert not ingest(connection(dagster), full=True).errors
        stored = {run.external_run_id: run for run in Run.objects.all()}
        assert stored.keys() >= {row["runId"] for row in dagster.rows}
        for row in dagster.rows:
            run = stored[row["runId"]]
            assert run.status == STATUSES[row["status"].lower()]
            assert (run.started_at, run.finished_at) == (read_time(row["startTime"]), read_time(row["endTime"]))
            assert run.source_updated_at == read_time(row["updateTime"])
    assert {run.status for run in stored.values()} == {"success", "failed", "canceled"}


@pytest.mark.django_db
def test_a_second_walk_requests_only_changes_and_writes_no_row(dagster: DagsterPartner) -> None:
    create_pipelines("Northwind", *job_names(), platform="vendor_api")
    dagster.rows = recorded_rows("B-settled")
    ingest(connection(dagster))
    before = row_versions()
    dagster.requests.clear()

    again = ingest(connection(dagster))

    assert set(outcomes(again)) <= {"unchanged"}
    assert row_versions() == before
    assert len(dagster.requests) == 1, "one request for any number of jobs"
    assert "updatedAfter" in json.loads(dagster.requests[0].body)["variables"]["filter"]


@pytest.mark.django_db
def test_an_open_run_that_two_clients_share_is_read_again_for_both(dagster: DagsterPartner) -> None:
    for client in ("Northwind", "Contoso"):
        create_pipelines(client, *job_names())
    ingest(connection(dagster))
    open_runs = Run.objects.still_open().count()
    assert open_runs
    assert open_runs % 2 == 0

    dagster.rows = []
    ingest(connection(dagster))

    assert not Run.objects.still_open().exists()


@pytest.mark.django_db
def test_an_open_run_that_the_server_no_longer_has_becomes_canceled(dagster: DagsterPartner) -> None:
    create_pipelines("Northwind", *job_names(), platform="vendor_api")
    ingest(connection(dagster))
    open_runs = set(Run.objects.still_open().values_list("external_run_id", flat=True))
    assert open_runs
    dagster.rows = []
    ingest(connection(dagster))
    gone = Run.objects.filter(external_run_id__in=open_runs)
    assert {(run.status, run.status_reason) for run in gone} == {("canceled", "gone at source")}


@pytest.mark.django_db
def test_long_listings_are_read_to_their_end(dagster: DagsterPartner) -> None:
    row = recorded_rows("B-settled")[0]
    dagster.rows = [row | {"runId": f"00000000-0000-4000-8000-{number:012}"} for number in range(250)]
    create_pipelines("Northwind", row["jobName"], platform="vendor_api")
    assert ingest(connection(dagster)).created == 250


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"data": {"runsOrError": {"__typename": "PythonError", "message": "broken"}}}, "PythonError: broken"),
        ({"data": None, "errors": [{"message": "no"}]}, "'data'"),
        ({"data": {"runsOrError": {"__typename": "Runs", "results": None}}}, "'results'"),
        ([], "'data'"),
    ],
)
def test_an_unexpected_response_is_an_error_and_loses_no_run(
    dagster: DagsterPartner, answer: Any, message: str
) -> None:
    job = recorded_rows("A-early")[0]["jobName"]
    create_pipelines("Northwind", job, platform="vendor_api")
    dagster.faults = [Answer(body=answer)]
    [problem] = ingest(connection(dagster)).errors
    assert message in str(problem["error"])
    assert ingest(connection(dagster)).created == len([row for row in dagster.rows if row["jobName"] == job])


def test_values_that_are_not_times_are_returned_unchanged_or_as_text() -> None:
    assert read_time(None) is None
    assert read_time("soon") == "soon"
    assert read_time(1e300) == "1e+300"
    assert read_time(True) is True


@pytest.mark.django_db
def test_no_planted_secret_is_stored(dagster: DagsterPartner) -> None:
    create_pipelines("Northwind", *job_names(), platform="vendor_api")
    for moment in MOMENTS:
        dagster.rows = recorded_rows(moment)
        ingest(connection(dagster), full=True)
    recorded = json.dumps([recorded_rows(moment) for moment in MOMENTS])
    assert "FAKE" in recorded or "hunter2" in recorded
    with database.cursor() as cursor:
        cursor.execute("SELECT string_agg(runs::text, '') FROM runs")
        text = str(cursor.fetchone()[0])
    assert "FAKE" not in text
    assert "hunter2" not in text
