"""Error texts that CHM fetches with separate requests: from Dagster (recorded responses) and from presets."""

import json
from pathlib import Path
from typing import Any

import pytest

from ingestion import synthetic
from ingestion.connections import Connection, read_connections_file
from ingestion.connectors.base import FailedRun
from ingestion.http import PartnerSession
from ingestion.synthetic.partner import Answer, PartnerServer, Request
from ingestion.tests.support import SHORT_TIMEOUTS, create_pipelines, ingest, row_versions
from runs.models import Run

RECORDED = json.loads((Path(synthetic.__file__).parent / "recordings" / "dagster" / "failures.json").read_text())


class FailedDagster(PartnerServer):
    """A Dagster with two failed runs and their logs, in pages of `events_per_page` events."""

    events_per_page = 1_000
    serves_logs = True

    def answer(self, request: Request) -> Answer:
        requested = json.loads(request.body)
        if "eventConnection" not in requested["query"]:
            return runs_response(RECORDED["runs"])
        if not self.serves_logs:
            return Answer(400, {"errors": [{"message": "Cannot query field 'eventConnection' on type 'Run'."}]})
        variables = requested["variables"]
        first = int(variables["cursor"] or 0)
        results = []
        for run in RECORDED["response"]["body"]["data"]["runsOrError"]["results"]:
            events = run["eventConnection"]["events"]
            end = first + self.events_per_page
            log = {"events": events[first:end], "cursor": str(end), "hasMore": len(events) > end}
            if run["runId"] in variables["filter"]["runIds"]:
                results.append(run | {"eventConnection": log})
        return runs_response(results)


def runs_response(results: list[Any]) -> Answer:
    return Answer(body={"data": {"runsOrError": {"__typename": "Runs", "results": results}}})


def walk(partner: FailedDagster) -> None:
    ingest(Connection("dagster", "dagster", partner.base_url, http_settings=SHORT_TIMEOUTS))


@pytest.mark.django_db
@pytest.mark.parametrize("events_per_page", [1_000, 5])
def test_failed_runs_of_dagster_name_their_steps_with_the_innermost_message(events_per_page: int) -> None:
    create_pipelines("Northwind", "two_failures", "reconcile_failing", platform="vendor_api")
    with FailedDagster() as partner:
        partner.events_per_page = events_per_page
        walk(partner)
        texts = {run.pipeline.name: run.error_message for run in Run.objects.select_related("pipeline")}
        before = row_versions()
        walk(partner)

    assert texts == {
        "two_failures": "step left: RuntimeError: left side is empty\nstep right: RuntimeError: right side is empty",
        "reconcile_failing": "step connect: ValueError: could not connect to postgres://[filtered]@db.example.test/x",
    }
    assert row_versions() == before


@pytest.mark.django_db
def test_only_the_steps_are_stored_if_the_log_is_too_long() -> None:
    create_pipelines("Northwind", "two_failures", platform="vendor_api")
    with FailedDagster() as partner:
        partner.events_per_page = 1
        walk(partner)

    assert Run.objects.get().error_message == "step left: failed\nstep right: failed"


@pytest.mark.django_db
def test_after_dagster_refuses_error_texts_they_are_not_requested_again_and_walks_continue() -> None:
    create_pipelines("Northwind", "two_failures", "reconcile_failing", platform="vendor_api")
    with FailedDagster() as partner:
        partner.serves_logs = False
        walk(partner)
        partner.requests.clear()
        walk(partner)
        log_requests = [request for request in partner.requests if b"eventConnection" in request.body]

    assert set(Run.objects.values_list("status", "error_message")) == {("failed", None)}
    assert log_requests == []


GITHUB_JOBS = {
    "total_count": 3,
    "jobs": [
        {"name": "lint", "conclusion": "success", "steps": [{"name": "ruff", "conclusion": "success"}]},
        {
            "name": "test (3.11)",
            "conclusion": "failure",
            "steps": [{"name": "Set up job", "conclusion": "success"}, {"name": "Run pytest", "conclusion": "failure"}],
        },
        {"name": "deploy", "conclusion": "timed_out", "steps": None},
    ],
}
DBT_CLOUD_RUN = {
    "data": {
        "id": 7,
        "run_steps": [
            {"name": "Clone git repository", "status": 10, "logs": "ok"},
            {
                "name": "Invoke dbt with `dbt build`",
                "status": 20,
                "logs": f"{'x' * 9_000}\nDatabase Error in orders",
            },
        ],
    }
}
DATABRICKS_RUN = {
    "run_id": 7,
    "tasks": [
        {
            "task_key": "extract",
            "status": {"state": "TERMINATED", "termination_details": {"type": "SUCCESS", "code": "SUCCESS"}},
        },
        {
            "task_key": "load",
            "status": {
                "state": "TERMINATED",
                "termination_details": {
                    "type": "CLIENT_ERROR",
                    "code": "RUN_EXECUTION_ERROR",
                    "message": "no table",
                },
            },
        },
        {"task_key": "report", "status": {"state": "BLOCKED"}},
    ],
}
DATA_FACTORY_ACTIVITIES = {
    "value": [
        {"activityName": "Lookup", "status": "Succeeded", "error": {"message": ""}},
        {"activityName": "Copy orders", "status": "Failed", "error": {"errorCode": "2200", "message": "no table"}},
    ]
}


class OneResponsePartner(PartnerServer):
    """A partner that returns the same body to every request. If the body is None, it answers 404."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        self.body = body

    def answer(self, request: Request) -> Answer:
        return Answer(body=self.body) if self.body is not None else Answer(404, {"message": "Not Found"})


def fetch_error_text(preset: str, body: Any, folder: Path) -> tuple[str | None, Request]:
    """Fetch the error text of a failed run from a partner that returns this body. Return the text and the request."""
    with OneResponsePartner(body) as partner:
        file = folder / "connections.toml"
        file.write_text(f'[connections.c]\nconnector = "{preset}"\nbase_url = "{partner.base_url}"\n')
        connection = read_connections_file(file)["c"]
        with PartnerSession(partner.base_url, auth=connection.create_auth(), settings=SHORT_TIMEOUTS) as session:
            connector = connection.create_connector(session, lambda _external_id: True)
            assert connector.fetches_error_texts
            [(_, text)] = connector.error_texts([FailedRun("11", "7", None, None, None)])
        [request] = partner.requests
    return text, request


@pytest.mark.parametrize(
    ("preset", "body", "requested", "text"),
    [
        (
            "github_actions",
            GITHUB_JOBS,
            "GET /actions/runs/7/jobs",
            "job test (3.11) failure: step Run pytest\njob deploy timed_out:",
        ),
        ("dbt_cloud", DBT_CLOUD_RUN, "GET /runs/7/", "step Invoke dbt with `dbt build` failed\n"),
        ("databricks", DATABRICKS_RUN, "GET /api/2.2/jobs/runs/get", "task load: no table"),
        (
            "azure_data_factory",
            DATA_FACTORY_ACTIVITIES,
            "POST /pipelineruns/7/queryActivityruns",
            "activity Copy orders: no table",
        ),
    ],
    ids=["github", "dbt cloud", "databricks", "data factory"],
)
def test_a_failed_run_names_its_step_after_one_more_request(
    preset: str, body: Any, requested: str, text: str, tmp_path: Path
) -> None:
    error_text, request = fetch_error_text(preset, body, tmp_path)

    assert error_text is not None
    assert error_text.startswith(text)
    assert f"{request.method} {request.path}" == requested


def test_the_end_of_a_log_is_stored(tmp_path: Path) -> None:
    text, _ = fetch_error_text("dbt_cloud", DBT_CLOUD_RUN, tmp_path)

    assert str(text).endswith("\nDatabase Error in orders")
    assert len(str(text)) < 4_100


@pytest.mark.parametrize("body", [None, {}, {"jobs": []}], ids=["gone", "empty", "no job"])
def test_the_error_text_is_none_if_the_source_has_no_text(body: Any, tmp_path: Path) -> None:
    assert fetch_error_text("github_actions", body, tmp_path)[0] is None
