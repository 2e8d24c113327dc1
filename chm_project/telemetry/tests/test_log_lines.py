"""Test that CHM logs one line for each request and task, with the id of the request in both lines."""

import logging
from typing import Any

import pytest
from rest_framework.test import APIClient

from chm_project.telemetry.context import ContextFilter, current_request_id
from chm_project.tests.api import api_as_role, api_with_scope
from ingestion.tasks import ingest
from inventory.tests.factories import PipelineFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def log_lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, "chm")
    caplog.handler.addFilter(context := ContextFilter())
    yield lambda name: [vars(record) for record in caplog.records if record.name == name]
    caplog.handler.removeFilter(context)


def test_a_request_is_logged_with_its_route_status_time_actor_and_id(log_lines: Any) -> None:
    pipeline = PipelineFactory.create()
    api_with_scope("read").get(f"/api/v1/pipelines/{pipeline.pk}", HTTP_X_REQUEST_ID="trace-9")

    [log_line] = log_lines("chm.request")

    assert (log_line["method"], log_line["route"], log_line["status"]) == (
        "GET",
        "api/v1/pipelines/<id:pipeline_id>",
        200,
    )
    assert log_line["path"] == f"/api/v1/pipelines/{pipeline.pk}"
    assert log_line["request_id"] == "trace-9"
    assert log_line["actor"].startswith("api-token-")
    assert 0 < log_line["ms"] < 60_000


def test_the_logged_actor_is_the_user_of_a_page_and_anonymous_for_a_refused_request(log_lines: Any) -> None:
    viewer = api_as_role("viewer")
    viewer.get("/admin/")
    APIClient().get("/api/v1/runs")

    assert [(log_line["actor"], log_line["status"]) for log_line in log_lines("chm.request")][-1] == ("anonymous", 401)
    assert log_lines("chm.request")[0]["actor"] not in {"", "anonymous"}


def test_the_key_of_a_ping_is_not_logged(log_lines: Any) -> None:
    key = "chm_abcd1234_" + "x" * 40
    APIClient().get(f"/ping/{key}")

    [log_line] = log_lines("chm.request")

    assert log_line["actor"] == "chm_abcd1234_***"
    assert key not in str(log_line)


def test_successful_probes_are_not_logged(log_lines: Any) -> None:
    APIClient().get("/health")
    api_with_scope("read").get("/metrics")
    assert log_lines("chm.request") == []


def test_a_task_that_a_request_runs_is_logged_with_the_id_of_the_request(log_lines: Any, settings: Any) -> None:
    settings.CHM_PARTNER_API_BASE_URL = "http://127.0.0.1:1"
    APIClient().get("/api/v1", HTTP_X_REQUEST_ID="before")
    ingest.apply(task_id="0f7e", throw=True)

    [log_line] = log_lines("chm.task")

    assert (log_line["task"], log_line["state"], log_line["task_id"]) == ("ingestion.ingest", "SUCCESS", "0f7e")
    assert log_line["request_id"] == current_request_id() == "before"
