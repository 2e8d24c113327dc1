"""Read and store runs by external_run_id. GET can read each run that PUT has stored, whatever its id contains."""

from typing import Any
from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

from chm_project.tests.api import ROOT, api_with_scope, assert_error, items
from inventory.models import Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> APIClient:
    return api_with_scope("write")


@pytest.fixture
def pipeline() -> Pipeline:
    return PipelineFactory.create()


def address(pipeline: Pipeline, external_run_id: str) -> str:
    return f"{ROOT}/pipelines/{pipeline.pk}/runs/{quote(external_run_id)}"


@pytest.mark.parametrize(
    "external_run_id",
    [
        "scheduled__2026-11-20T06:00:00+00:00",
        "a/b",
        "a/b/",
        "/",
        "a//b",
        "latest//",
        "summary",
        "a b",
        "100%",
        "é日",
        "a?b#c",
    ],
)
def test_a_run_stored_by_put_is_read_back_at_the_same_address(
    api: APIClient, pipeline: Pipeline, external_run_id: str
) -> None:
    pushed = api.put(address(pipeline, external_run_id), {"status": "success"})
    assert pushed.status_code == 201

    read = api.get(address(pipeline, external_run_id))

    assert read.json() == pushed.json()
    assert read.json()["external_run_id"] == external_run_id
    assert api.get(pushed["Location"]).json() == read.json()


def test_the_path_latest_returns_the_latest_run_and_a_filter_finds_a_run_with_that_id(
    api: APIClient, pipeline: Pipeline
) -> None:
    api.put(address(pipeline, "latest"), {"status": "failed", "started_at": "2026-03-01T10:00:00Z"})
    api.put(address(pipeline, "newer"), {"status": "success", "started_at": "2026-03-02T10:00:00Z"})

    assert api.get(address(pipeline, "latest")).json()["external_run_id"] == "newer"
    assert api.get(address(pipeline, "latest") + "/").json()["external_run_id"] == "newer"
    [run] = items(api.get(f"{ROOT}/pipelines/{pipeline.pk}/runs", {"external_run_id": "latest"}))
    assert run["status"] == "failed"


@pytest.mark.parametrize("external_run_id", ["unknown", "x" * 300, "a\0b"])
def test_an_unknown_id_returns_404(api: APIClient, pipeline: Pipeline, external_run_id: str) -> None:
    RunFactory.create(pipeline=pipeline)

    assert_error(api.get(address(pipeline, external_run_id)), 404, "not_found")


def test_a_bound_token_gets_404_for_a_run_of_another_client(pipeline: Pipeline) -> None:
    run = RunFactory.create(pipeline=pipeline)
    api_of_other_client = api_with_scope("admin", client_id=ClientFactory.create().pk)

    assert_error(api_of_other_client.get(address(pipeline, run.external_run_id)), 404, "not_found")
    assert (
        api_with_scope("read", pipeline_id=pipeline.pk).get(address(pipeline, run.external_run_id)).status_code == 200
    )


def test_lists_are_filtered_by_external_run_id_and_by_its_beginning(api: APIClient, pipeline: Pipeline) -> None:
    for external_run_id in ("scheduled__1", "scheduled__12", "manual__1", "50%_off"):
        RunFactory.create(pipeline=pipeline, external_run_id=external_run_id)
    RunFactory.create(external_run_id="scheduled__1")

    def listed_ids(path: str, **parameters: Any) -> list[str]:
        return sorted(run["external_run_id"] for run in items(api.get(f"{ROOT}/{path}", parameters)))

    assert listed_ids("runs", external_run_id="scheduled__1") == ["scheduled__1", "scheduled__1"]
    assert listed_ids("runs", external_run_id="scheduled__1", pipeline_id=pipeline.pk) == ["scheduled__1"]
    assert listed_ids(f"pipelines/{pipeline.pk}/runs", external_run_id="scheduled__1") == ["scheduled__1"]
    assert listed_ids("runs", search="scheduled_") == ["scheduled__1", "scheduled__1", "scheduled__12"]
    assert listed_ids(f"pipelines/{pipeline.pk}/runs", search="scheduled_") == ["scheduled__1", "scheduled__12"]
    assert listed_ids("runs", search="50%") == ["50%_off"]
    assert listed_ids("runs", search="%") == []
    assert listed_ids("runs", search="led__") == []


def test_every_creation_returns_the_location_of_the_new_object(api: APIClient) -> None:
    client = api.post(f"{ROOT}/clients", {"name": "Northwind"})
    body = {"name": "Load", "platform": "dbt", "pipeline_type": "export"}
    pipeline = api.post(f"{ROOT}/clients/{client.json()['id']}/pipelines", body)
    runs = f"{ROOT}/pipelines/{pipeline.json()['id']}/runs"
    run = api.post(runs, {"status": "success"})
    pushed = api.put(f"{runs}/pushed", {"status": "success"})
    on_failure = {"rule_type": "on_failure", "channel": "slack", "destination": "#a"}
    rule = api.post(f"{ROOT}/alert_rules", on_failure | {"client_id": client.json()["id"]})

    for created in (client, pipeline, run, pushed, rule):
        assert created.status_code == 201
        assert api.get(created["Location"]).json() == created.json()
    assert "Location" not in api.put(f"{runs}/pushed", {"status": "success"})
