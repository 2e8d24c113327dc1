"""Ping keys and lineage tokens are created from the page of a pipeline or client. The commands for copying work."""

import html
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pytest_django.live_server_helper import LiveServer

from chm_project.access.models import ApiToken, Scope
from chm_project.access.services import create_token
from chm_project.console.admin.push_examples import push_examples
from chm_project.console.tests.test_tokens_console import TOKEN_LIST_URL, browser, token_form
from chm_project.tests.api import ROOT, api_with_scope
from inventory.models import Pipeline
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.models import Run

pytestmark = pytest.mark.django_db

DBT_RECORDING = Path(__file__).parents[3] / "runs" / "tests" / "recordings" / "dbt" / "1-build-ok-with-warning.json"


@pytest.mark.parametrize("model_name", ["client", "pipeline"])
def test_the_pages_of_clients_and_pipelines_link_to_a_prefilled_token_form(model_name: str) -> None:
    target = ClientFactory.create() if model_name == "client" else PipelineFactory.create()
    operator = browser("operator")

    page = operator.get(f"/admin/inventory/{model_name}/{target.pk}/change/").content.decode()
    [link] = set(re.findall(rf'href="({TOKEN_LIST_URL}add/[^"]*)"', page))
    form_url = html.unescape(link)

    assert parse_qs(urlsplit(form_url).query) == {
        "scope": ["ingest"],
        model_name: [str(target.pk)],
        "name": [target.name],
    }
    shown = operator.get(form_url).content.decode()
    assert f'value="{target.pk}" selected' in shown
    assert html.escape(target.name) in shown


def test_a_role_that_may_not_create_tokens_gets_no_link_to_the_form() -> None:
    pipeline = PipelineFactory.create()
    analyst = browser("analyst")
    assert TOKEN_LIST_URL not in analyst.get(f"/admin/inventory/pipeline/{pipeline.pk}/change/").content.decode()
    assert analyst.get(f"{TOKEN_LIST_URL}add/").status_code == 403


@pytest.mark.parametrize("query", ["pipeline=garbage", "client=7&scope=nonsense", "digest=x&revoked_at=1"])
def test_the_token_form_ignores_invalid_values_in_the_url(query: str) -> None:
    assert browser("operator").get(f"{TOKEN_LIST_URL}add/?{query}").status_code == 200


@pytest.mark.parametrize(
    ("bound", "titles"),
    [
        ("pipeline", {"curl", "cron", "dbt", "Airflow (OpenLineage)"}),
        ("client", {"Airflow (OpenLineage)"}),
        (None, set()),
    ],
)
def test_the_page_of_a_new_token_shows_the_push_examples_for_its_binding(bound: str | None, titles: set[str]) -> None:
    pipeline = PipelineFactory.create()
    values = {"pipeline": {"pipeline": str(pipeline.pk)}, "client": {"client": str(pipeline.client_id)}}.get(
        bound or "", {}
    )
    page = browser("operator").post(f"{TOKEN_LIST_URL}add/", token_form(**values)).content.decode()

    headings = {html.unescape(title) for title in re.findall(r"<h2[^>]*>([^<]*)</h2>", page)}
    assert headings >= titles
    assert bool(headings & {"curl", "cron", "dbt"}) == (bound == "pipeline")
    [token] = set(re.findall(r"chm_\w{8}_\w{40}", page))
    assert (f"http://testserver/ping/{token}" in page) == (bound == "pipeline")


def test_the_page_of_a_token_lists_its_lineage_jobs_without_a_pipeline() -> None:
    client = ClientFactory.create()
    api = api_with_scope("ingest", client_id=client.pk)
    event = {"eventType": "START", "eventTime": "2026-03-01T10:00:00Z", "run": {"runId": "1"}}
    api.post(f"{ROOT}/lineage", event | {"job": {"namespace": "airflow-prod", "name": "<b>lost</b>"}})

    page = browser("operator").get(f"{TOKEN_LIST_URL}{ApiToken.objects.get().pk}/change/").content.decode()

    assert "airflow-prod/&lt;b&gt;lost&lt;/b&gt;" in page


def run_in_shell(line: str, **replacements: str) -> "subprocess.CompletedProcess[str]":
    for placeholder, text in replacements.items():
        assert placeholder in line
        line = line.replace(placeholder, text)
    return subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.django_db(transaction=True)
def test_the_push_examples_work_when_pasted_into_a_shell(live_server: LiveServer) -> None:
    pipeline: Pipeline = PipelineFactory.create(platform="cron")
    token, key = create_token(name="cron", scope=Scope.INGEST, pipeline_id=pipeline.pk)
    examples = {example.title: example.text for example in push_examples(token, key, live_server.url)}

    assert run_in_shell(examples["curl"]).returncode == 0
    assert pipeline.runs.get().status == "success"

    without_schedule: dict[str, Any] = {"0 3 * * * ": ""}
    assert run_in_shell(examples["cron"], **without_schedule, **{"/path/to/job": "ls /no/such/folder"}).returncode == 0
    failed = Run.objects.get(status="failed")
    assert failed.status_reason == "exit status 2"
    assert failed.error_message is not None
    assert "/no/such/folder" in failed.error_message
    assert failed.started_at is not None

    dbt = run_in_shell(examples["dbt"], **{"target/run_results.json": shlex.quote(str(DBT_RECORDING))})
    assert dbt.returncode == 0, dbt.stderr
    assert pipeline.runs.filter(payload__command="build").count() == 1
