"""The order and the page size of recorded OpenLineage events do not change the stored runs."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from chm_project.tests.api import ROOT, api_with_scope
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.models import Run
from runs.tests.test_order_independence import COMPARED_COLUMNS, deliveries

pytestmark = pytest.mark.django_db

RECORDINGS = sorted((Path(__file__).parent / "recordings" / "openlineage").glob("*.jsonl"))
# The runs by status of each recording except airflow, counted by hand from the events.
EXPECTED_STATUSES = {
    "client-basic": {"success": 1, "failed": 1, "canceled": 1, "running": 1},
    "client-edge": {"success": 1, "failed": 2},
    "dbt-1": {"success": 6},
    "dbt-2": {"failed": 4},
}


def recorded(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def api_with_pipelines(events: list[dict[str, Any]]) -> APIClient:
    """Create a client with a pipeline for every job. Return an API client that uses a token of this client."""
    client = ClientFactory.create()
    for job in {f"{event['job']['namespace']}/{event['job']['name']}" for event in events if "job" in event}:
        PipelineFactory.create(client=client, external_id=job)
    return api_with_scope("ingest", client_id=client.pk)


def stored_rows() -> list[dict[str, Any]]:
    runs = Run.objects.order_by("pipeline__external_id", "external_run_id")
    return list(runs.values("pipeline__external_id", *COMPARED_COLUMNS))


def send_events(api: APIClient, body: Any) -> None:
    answer = api.post(f"{ROOT}/lineage", body)
    assert answer.status_code == 201, answer.content
    assert not {item["outcome"] for item in answer.json()["items"]} & {"rejected", "unmatched"}


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_recorded_events_end_in_the_same_runs_in_any_order(path: Path) -> None:
    events = recorded(path)
    api = api_with_pipelines(events)
    for event in events:
        send_events(api, event)
    as_recorded = stored_rows()
    statuses = [row["status"] for row in as_recorded]
    if path.stem in EXPECTED_STATUSES:
        assert {status: statuses.count(status) for status in set(statuses)} == EXPECTED_STATUSES[path.stem]
    assert "FAKE-pw" not in str(as_recorded)

    @settings(deadline=None, max_examples=40, derandomize=True)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        Run.objects.all().delete()
        for page in data.draw(deliveries(events)):
            if page:
                send_events(api, page)
        assert stored_rows() == as_recorded

    check()


def test_every_producer_has_a_recording() -> None:
    assert {path.stem for path in RECORDINGS} == {"airflow", "client-basic", "client-edge", "dbt-1", "dbt-2"}


def test_dag_runs_and_failed_tries_of_a_task_are_stored() -> None:
    events = recorded(next(path for path in RECORDINGS if path.stem == "airflow"))
    api = api_with_pipelines(events)
    for event in events:
        send_events(api, event)

    dag_runs = Run.objects.filter(payload__airflow_run_id__isnull=False)
    assert {run.status for run in dag_runs} == {"running", "success", "failed"}
    tries = Run.objects.filter(pipeline__external_id__endswith=".reconcile", status="failed")
    assert tries.exists()
    assert all(run.error_message for run in tries)
