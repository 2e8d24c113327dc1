"""Ingestion started through the API, with a real worker, a real broker and a real partner server."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.conf import settings as django_settings
from django.db import connection
from pytest_django import Settings

from chm_project.local.supervisor import CELERY
from chm_project.tests.api import ROOT, UNKNOWN_ID, api_as_role, api_with_scope, assert_error, field_errors
from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.tests.support import create_pipelines
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from runs.models import Run

SYNC_URL = f"{ROOT}/ingestion/runs/sync"


@pytest.fixture
def partner(generic_partner: GenericPartner, settings: Settings, tmp_path: Path) -> GenericPartner:
    """Return a partner with two pipelines. The connections file has one connection, to this partner."""
    path = tmp_path / "connections.toml"
    path.write_text(
        f'[connections.one]\nconnector = "generic"\nbase_url = "{generic_partner.base_url}"\n'
        'auth = { kind = "bearer", secret_env = "CHM_TEST_PARTNER_SECRET" }\n'
    )
    settings.CHM_CONNECTIONS_FILE = str(path)
    generic_partner.runs = {"orders": [{"id": "1", "status": "success"}], "stock": [{"id": "1", "status": "failed"}]}
    return generic_partner


@pytest.fixture
def worker(transactional_db: None, partner: GenericPartner, settings: Settings) -> Iterator[None]:
    """Run a Celery worker on the test's database."""

    current_app.control.purge()  # remove tasks that other tests have queued
    name = connection.settings_dict["NAME"]
    url = os.environ["CHM_DATABASE_URL"]
    base, _, query = url.partition("?")
    test_url = base.rpartition("/")[0] + f"/{name}" + (f"?{query}" if query else "")
    process = subprocess.Popen(
        [*CELERY, "worker",
         "--concurrency", "1", "--pool", "solo", "--without-mingle", "--without-gossip", "--loglevel", "WARNING"],
        cwd=django_settings.BASE_DIR,
        env={
            **os.environ, "DJANGO_SETTINGS_MODULE": "chm_project.settings.development", "CHM_DATABASE_URL": test_url,
            "CHM_CONNECTIONS_FILE": settings.CHM_CONNECTIONS_FILE,
        },
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def wait_until_finished(api: Any, task_id: str) -> dict[str, Any]:
    """Return the state of the ingestion after it has ended."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        body: dict[str, Any] = api.get(f"{SYNC_URL}/{task_id}").json()
        if body["state"] not in {"queued", "running"}:
            return body
        time.sleep(0.1)
    raise AssertionError(body)


def test_an_ingestion_is_started_and_its_state_is_read_until_it_succeeds(worker: None, partner: GenericPartner) -> None:
    pipelines = create_pipelines("Northwind", "orders", "stock")
    api = api_with_scope("ingest")

    started = api.post(SYNC_URL, {})
    assert started.status_code == 202
    task_id = started.json()["task_id"]
    assert wait_until_finished(api, task_id) == {
        "task_id": task_id, "state": "succeeded", "pipelines_processed": 2, "pages_processed": 2, "runs_processed": 2,
        "created": 2, "updated": 0, "unchanged": 0, "stale": 0, "pruned": 0, "rejected": 0, "unknown_pipelines": 0,
        "errors": [],
    }  # fmt: skip

    partner.runs["orders"].append({"id": "2", "status": "failed"})
    partner.runs["stock"].append({"id": "2", "status": "failed"})
    limited_task_id = api.post(SYNC_URL, {"connection": "one", "pipeline_id": str(pipelines["stock"].pk)}).json()[
        "task_id"
    ]
    assert wait_until_finished(api, limited_task_id)["created"] == 1
    assert Run.objects.count() == 3

    del partner.runs["orders"]
    body = wait_until_finished(
        api, api.post(SYNC_URL, {"client_id": str(pipelines["orders"].client_id)}).json()["task_id"]
    )
    assert body["state"] == "succeeded"
    assert [problem["pipeline"] for problem in body["errors"]] == ["orders"]


@pytest.mark.django_db
def test_the_error_for_unknown_ids_or_fields_names_them(partner: GenericPartner) -> None:
    api = api_with_scope()
    assert set(field_errors(api.post(SYNC_URL, {"connection": "two"}))) == {"connection"}
    assert set(field_errors(api.post(SYNC_URL, {"client_id": UNKNOWN_ID, "pipeline_id": "7"}))) == {
        "client_id",
        "pipeline_id",
    }
    assert set(field_errors(api.post(SYNC_URL, {"everything": True}))) == {"everything"}
    assert_error(api.get(f"{SYNC_URL}/{uuid.uuid4()}"), 404, "not_found")


@pytest.mark.django_db
def test_a_pipeline_that_the_request_would_not_ingest_is_refused_with_the_reason(
    partner: GenericPartner, settings: Settings
) -> None:
    airflow_pipeline = create_pipelines("Northwind", "orders")["orders"]
    dbt_pipeline = create_pipelines("Northwind", "models", platform="dbt")["models"]
    cron_pipeline = create_pipelines("Northwind", "nightly", platform="cron")["nightly"]
    pipeline_without_external_id = PipelineFactory.create(external_id=None)
    disabled_pipeline = PipelineFactory.create(platform="airflow", is_active=False)
    path = Path(settings.CHM_CONNECTIONS_FILE)
    one = path.read_text() + 'pipelines = { platform = "airflow" }\n'
    path.write_text(one + one.replace("connections.one", "connections.two").replace("airflow", "dbt"))
    api = api_with_scope()

    def refusal(pipeline: Pipeline, **values: Any) -> str:
        [reason] = field_errors(api.post(SYNC_URL, {"pipeline_id": str(pipeline.pk), **values}))["pipeline_id"]
        return reason

    not_ingested = "This pipeline is not ingested: it or its client is disabled, or it has no external_id."
    assert refusal(pipeline_without_external_id) == refusal(disabled_pipeline) == not_ingested
    assert refusal(cron_pipeline) == (
        "No connection selects this pipeline. The connections are: one, two. Add it to the selection of one of them."
    )
    assert refusal(dbt_pipeline, connection="one") == "The connection one does not select this pipeline."
    assert refusal(airflow_pipeline, client_id=str(pipeline_without_external_id.client_id)) == (
        "This pipeline belongs to another client."
    )
    accepted = {"pipeline_id": str(airflow_pipeline.pk), "client_id": str(airflow_pipeline.client_id)}
    assert api.post(SYNC_URL, accepted | {"connection": "one"}).status_code == 202


@pytest.mark.django_db
def test_the_error_says_what_to_configure_if_there_is_no_connection(settings: Settings) -> None:
    settings.CHM_CONNECTIONS_FILE = settings.CHM_PARTNER_API_BASE_URL = ""
    assert "CHM_CONNECTIONS_FILE" in str(field_errors(api_with_scope().post(SYNC_URL, {})))


@pytest.mark.django_db
def test_a_bound_token_starts_and_sees_only_ingestions_of_its_client_or_pipeline(partner: GenericPartner) -> None:
    own_pipeline, foreign_pipeline = PipelineFactory.create(), PipelineFactory.create()
    unbound_api, bound_api = api_with_scope(), api_with_scope("ingest", client_id=own_pipeline.client_id)

    assert set(field_errors(bound_api.post(SYNC_URL, {"pipeline_id": str(foreign_pipeline.pk)}))) == {"pipeline_id"}
    task_id = bound_api.post(SYNC_URL, {}).json()["task_id"]
    assert bound_api.get(f"{SYNC_URL}/{task_id}").json()["state"] == "queued"
    assert unbound_api.get(f"{SYNC_URL}/{task_id}").status_code == 200
    assert_error(
        api_with_scope("ingest", client_id=foreign_pipeline.client_id).get(f"{SYNC_URL}/{task_id}"), 404, "not_found"
    )
    assert_error(bound_api.get(f"{SYNC_URL}/{unbound_api.post(SYNC_URL, {}).json()['task_id']}"), 404, "not_found")
    pipeline_api = api_with_scope("ingest", pipeline_id=own_pipeline.pk)
    task_id = pipeline_api.post(SYNC_URL, {}).json()["task_id"]
    assert pipeline_api.get(f"{SYNC_URL}/{task_id}").status_code == 200
    assert bound_api.get(f"{SYNC_URL}/{task_id}").status_code == 200


@pytest.mark.django_db
def test_operators_can_start_ingestions_and_viewers_and_analysts_cannot(partner: GenericPartner) -> None:
    assert api_as_role("operator").post(SYNC_URL, {}).status_code == 202
    for role in ("viewer", "analyst"):
        assert_error(api_as_role(role).post(SYNC_URL, {}), 403, "forbidden")
    assert_error(api_with_scope("read").post(SYNC_URL, {}), 403, "forbidden")


@pytest.mark.django_db
def test_an_unreachable_queue_is_reported_without_waiting(partner: GenericPartner, tmp_path: Path) -> None:
    code = (
        "import django; django.setup()\n"
        "from ingestion.api_sync_task import IngestionRequest, QueueUnavailable, start_ingestion\n"
        "try: start_ingestion(IngestionRequest())\n"
        "except QueueUnavailable: print('unavailable')\n"
    )

    environment = {
        **os.environ,
        "CHM_BROKER_URL": "redis://127.0.0.1:1/0",
        "CHM_PARTNER_API_BASE_URL": partner.base_url,
        "DJANGO_SETTINGS_MODULE": "chm_project.settings.development",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=django_settings.BASE_DIR, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "unavailable", done.stderr[-2000:]
