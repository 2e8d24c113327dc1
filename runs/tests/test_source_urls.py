"""The address of a run's page at its source comes from the source, or from the template of the pipeline."""

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from rest_framework.test import APIClient

from chm_project.tests.api import api_with_scope
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from runs.events import RunEvent
from runs.models import Run
from runs.push import dbt, lineage
from runs.services import Outcome, record_runs

TEMPLATE = "https://airflow.example/dags/sales/runs/{run_id}"

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(db: None) -> APIClient:
    return api_with_scope("write")


def record_run(pipeline: Pipeline, run: str = "r1", **fields: Any) -> Any:
    [result] = record_runs([RunEvent(pipeline_id=pipeline.pk, external_run_id=run, status="failed", **fields)])
    return Run.objects.with_source_url().get(pk=str(result.run_id))


class AnyIdTest(TestCase):
    @given(run_id=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40))
    def test_a_run_id_of_any_characters_is_percent_encoded(self, run_id: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT run_source_url(NULL, %s, %s)", [TEMPLATE, run_id])
            [[address]] = cursor.fetchall()

        assert address == f"https://airflow.example/dags/sales/runs/{quote(run_id, safe='')}"


def test_the_address_of_a_run_is_made_from_the_template_of_its_pipeline() -> None:
    pipeline = PipelineFactory.create(source_url_template=TEMPLATE)

    run = record_run(pipeline, "scheduled__2026-03-01T10:00:00+00:00")

    assert run.source_url == ("https://airflow.example/dags/sales/runs/scheduled__2026-03-01T10%3A00%3A00%2B00%3A00")


def test_an_address_from_the_source_takes_precedence_over_the_template() -> None:
    run = record_run(PipelineFactory.create(source_url_template=TEMPLATE), source_url="https://ci.example/jobs/7?a=b#c")

    assert run.source_url == "https://ci.example/jobs/7?a=b#c"


def test_a_run_with_neither_an_address_nor_a_template_has_no_link() -> None:
    assert record_run(PipelineFactory.create()).source_url is None


def test_queries_compute_the_address_without_a_function_call_for_each_run() -> None:
    queries = [str(Run.objects.with_source_url().query), "SELECT source_url FROM reporting.runs"]

    for query in queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (VERBOSE) {query}")
            plan = str(cursor.fetchall())
        assert "source_url_template" in plan
        assert "run_source_url(" not in plan


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)//https://x",
        "data:text/html,<script>alert(1)</script>",
        "//evil.example/x",
        "/dags/sales",
        "https://",
        "https:///x",
        'https://x.example/"onmouseover="alert(1)',
        "https://x.example/ y",
        "https://x.example/\ny",
        f"https://x.example/{'y' * 2_048}",
        7,
        {"href": "https://x.example"},
    ],
    ids=str,
)
def test_a_value_that_is_not_a_web_address_is_left_out_with_a_reason(address: object) -> None:
    run = record_run(PipelineFactory.create(), source_url=address)

    assert run.given_source_url is None
    assert run.status_reason is not None
    assert run.status_reason.startswith("source_url left out: not an http or https address")


def test_an_address_with_a_secret_is_left_out_and_the_reason_does_not_show_the_secret() -> None:
    run = record_run(PipelineFactory.create(), source_url="https://x.example/log?sig=FAKEhunter2FAKE")

    assert (run.given_source_url, run.status_reason) == (None, "source_url left out: it holds a secret")


def test_a_newer_address_replaces_the_former_one_and_a_replay_changes_nothing() -> None:
    pipeline = PipelineFactory.create()
    write = partial(RunEvent, pipeline_id=pipeline.pk, external_run_id="r1", status="failed")
    first, second = "https://x.example/1", "https://x.example/2"

    outcomes = [record_runs([write(source_url=url)])[0].outcome for url in (first, first, second, second)]

    assert outcomes == [Outcome.CREATED, Outcome.UNCHANGED, Outcome.UPDATED, Outcome.UNCHANGED]
    assert Run.objects.get().given_source_url == second


def test_the_database_refuses_an_address_with_a_script() -> None:
    run = record_run(PipelineFactory.create())

    changes: list[Callable[[], object]] = [
        lambda: Run.objects.filter(pk=run.pk).update(given_source_url="javascript:alert(1)"),
        lambda: Pipeline.objects.update(source_url="javascript:alert(1)"),
        lambda: Pipeline.objects.update(source_url_template="javascript:alert({run_id})"),
    ]
    for change in changes:
        with pytest.raises(IntegrityError, match="source_url"), transaction.atomic():
            change()


def test_a_lineage_event_of_an_airflow_task_links_to_its_log() -> None:
    log = "http://airflow.example/dags/orders/runs/r/tasks/load?try_number=1"
    event = {
        "eventType": "FAIL",
        "eventTime": "2026-03-01T10:00:00Z",
        "run": {"runId": "r", "facets": {"airflow": {"taskInstance": {"log_url": log}}}},
        "job": {"namespace": "n", "name": "orders.load"},
    }

    assert lineage.run_event(event, PipelineFactory.create().pk).source_url == log


def test_a_dbt_invocation_links_to_the_address_of_its_job() -> None:
    invocation = dbt.Invocation(
        {
            "metadata": {
                "invocation_id": "i",
                "generated_at": "2026-03-01T10:00:00Z",
                "env": {"RUN_URL": "https://ci.example/jobs/7"},
            },
            "results": [],
        },
        {},
    )

    assert dbt.run_snapshot(invocation, PipelineFactory.create().pk).source_url == "https://ci.example/jobs/7"


def test_the_api_stores_and_returns_an_address(api: APIClient) -> None:
    pipeline = PipelineFactory.create(source_url_template=TEMPLATE)
    path = f"/api/v1/pipelines/{pipeline.pk}/runs"

    pushed = api.put(f"{path}/r1", {"status": "failed", "source_url": "https://ci.example/7"}, format="json")
    refused = api.put(f"{path}/r2", {"status": "failed", "source_url": "javascript:alert(1)"}, format="json")
    manual = api.post(path, {"status": "success", "external_run_id": "m 1"}, format="json")

    assert (pushed.status_code, pushed.json()["source_url"]) == (201, "https://ci.example/7")
    assert (refused.status_code, refused.json()["error"]["details"][0]["field"]) == (400, "source_url")
    assert manual.json()["source_url"] == "https://airflow.example/dags/sales/runs/m%201"
    for address in (path, f"/api/v1/runs?client_id={pipeline.client_id}", "/api/v1/runs"):
        links = {run["external_run_id"]: run["source_url"] for run in api.get(address).json()["items"]}
        assert links == {"r1": "https://ci.example/7", "m 1": "https://airflow.example/dags/sales/runs/m%201"}
    assert api.get(f"{path}/latest").json()["source_url"] is not None


def test_a_csv_of_runs_has_the_links(api: APIClient) -> None:
    record_run(PipelineFactory.create(source_url_template=TEMPLATE), "a b")

    lines = api.get("/api/v1/runs", headers={"Accept": "text/csv"}).getvalue().decode().splitlines()

    assert "source_url" in lines[0].split(",")
    assert "https://airflow.example/dags/sales/runs/a%20b" in lines[1]
