"""Test /ready, /metrics and the heartbeat of beat."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from celery import current_app
from django.core.cache import cache
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from chm_project.operations.beat import BeatingScheduler, heartbeat_age
from chm_project.settings.version import VERSION
from chm_project.tests.api import api_as_role, api_with_scope, assert_error
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from runs.tests.factories import RunFactory
from tools.support.processes import drop_database, empty_database, web_server

pytestmark = pytest.mark.django_db

NO_REPLICA = {"replica_lag_seconds": None, "replica_max_lag_seconds": None, "replica_is_read": None}


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def beat_heartbeat() -> None:
    cache.set("beat", time.time(), timeout=None)


def read_metrics(api: Any) -> dict[str, float]:
    response = api.get("/metrics")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    lines = [line for line in response.content.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_a_working_installation_is_ready(beat_heartbeat: None) -> None:
    assert api_with_scope("read").get("/ready").json() == {
        "status": "ok",
        "problems": {},
        "stale_pipelines": 0,
        **NO_REPLICA,
    }


def test_chm_is_not_ready_without_a_heartbeat_of_beat(settings: Settings) -> None:
    response = api_with_scope("read").get("/ready")
    assert response.status_code == 503
    assert "is it running" in response.json()["problems"]["beat"]
    cache.set("beat", time.time() - 3_600, timeout=None)
    assert "3600 s ago" in api_with_scope("read").get("/ready").json()["problems"]["beat"]


def test_chm_is_not_ready_without_its_broker(beat_heartbeat: None, settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "redis://:hunter2@127.0.0.1:1/0"
    response = api_with_scope("read").get("/ready")
    assert (response.status_code, response.json()["problems"]) == (503, {"broker": "the broker cannot be reached"})
    assert read_metrics(api_with_scope("read"))["chm_broker_up"] == 0
    assert "hunter2" not in response.content.decode()


def test_without_its_database_chm_is_healthy_but_not_ready() -> None:
    with empty_database("chm_test_ready") as url, web_server(CHM_DATABASE_URL=url) as base_url:
        token = {"Authorization": "Bearer chm_12345678_" + "x" * 40}
        without_tables = requests.get(f"{base_url}/ready", headers=token, timeout=30)
        drop_database("chm_test_ready")
        without_database = requests.get(f"{base_url}/ready", headers=token, timeout=30)

        for response in (without_tables, without_database):
            assert response.status_code == 503
            assert response.json() == {
                "status": "unavailable",
                "problems": {"database": "the database cannot be reached or has no tables"},
                "stale_pipelines": None,
                **NO_REPLICA,
            }
        assert requests.get(f"{base_url}/health", timeout=30).status_code == 200
        without_token = requests.get(f"{base_url}/ready", timeout=30)
        assert (without_token.status_code, without_token.json()) == (503, {"status": "unavailable"})


def test_ready_without_a_token_returns_only_the_status() -> None:
    response = APIClient().get("/ready", headers={"host": "10.0.0.7:8000"})
    assert (response.status_code, response.json()) == (200, {"status": "ok"}), (
        "beat does not run, and is not checked without a token"
    )


def test_a_scraper_reads_metrics_with_its_token_while_the_database_is_down(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("scraper-token\n")
    variables = {"CHM_DATABASE_URL": "postgresql:///none?host=/nowhere", "CHM_METRICS_TOKEN_FILE": str(token)}
    with web_server(**variables) as base_url:
        metrics = requests.get(f"{base_url}/metrics", headers={"Authorization": "Bearer scraper-token"}, timeout=10)
        assert metrics.status_code == 200
        assert "chm_database_up 0.0" in metrics.text
        wrong = requests.get(f"{base_url}/metrics", headers={"Authorization": "Bearer scraper"}, timeout=10)
        assert wrong.status_code == 401
        other = requests.get(
            f"{base_url}/api/v1/clients", headers={"Authorization": "Bearer scraper-token"}, timeout=10
        )
        assert other.status_code == 401


def test_an_unreadable_token_file_does_not_refuse_the_token_of_a_user(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("scraper-token\n", encoding="utf-16")
    settings.CHM_METRICS_TOKEN_FILE = str(tmp_path / "token")

    assert api_with_scope("read").get("/metrics").status_code == 200


def test_chm_is_ready_with_stale_pipelines_and_counts_them(beat_heartbeat: None) -> None:
    Pipeline.objects.filter(pk=PipelineFactory.create().pk).update(ingest_due_at=timezone.now() - timedelta(hours=1))
    response = api_with_scope("read").get("/ready")
    assert (response.status_code, response.json()["stale_pipelines"]) == (200, 1)


def test_metrics_match_the_database_and_the_broker(beat_heartbeat: None) -> None:
    now = timezone.now()
    pipeline = RunFactory.create(status="failed", started_at=now - timedelta(hours=1), finished_at=now).pipeline
    RunFactory.create(pipeline=pipeline, started_at=now - timedelta(days=3), finished_at=now - timedelta(days=2))
    Pipeline.objects.filter(pk=pipeline.pk).update(
        last_ingest_at=now - timedelta(minutes=10), ingest_due_at=now - timedelta(minutes=5), last_ingest_error="down"
    )
    PipelineFactory.create(is_active=False)

    metrics = read_metrics(api_with_scope("read"))

    assert metrics['chm_runs_24h{status="failed"}'] == 1
    assert metrics['chm_runs_24h{status="success"}'] == 0
    group = f'{{client="{pipeline.client.name}",platform="{pipeline.platform}"}}'
    assert metrics[f"chm_pipelines_active{group}"] == 1
    for state in ("failing", "stale", "failing_ingestion"):
        assert metrics[f"chm_pipelines_{state}{group}"] == 1
    assert metrics[f"chm_pipelines_late{group}"] == 0
    assert 600 <= metrics["chm_ingest_oldest_age_seconds"] < 700
    assert metrics["chm_beat_age_seconds"] < 60
    assert metrics["chm_broker_up"] == 1
    assert metrics["chm_queue_length"] >= 0
    assert metrics[f'chm_build_info{{version="{VERSION}"}}'] == 1


def test_late_pipelines_are_counted_by_client_and_platform(beat_heartbeat: None) -> None:
    now = timezone.now()
    late_pipeline = PipelineFactory.create(platform="dbt")
    Pipeline.objects.filter(pk=late_pipeline.pk).update(
        source_next_run_at=now - timedelta(hours=2), ingested_through=now, ingest_due_at=now + timedelta(hours=1)
    )
    on_time = PipelineFactory.create(client=late_pipeline.client, platform="airflow")

    metrics = read_metrics(api_with_scope("read"))

    assert metrics[f'chm_pipelines_late{{client="{late_pipeline.client.name}",platform="dbt"}}'] == 1
    assert metrics[f'chm_pipelines_late{{client="{on_time.client.name}",platform="airflow"}}'] == 0


def test_unmatched_lineage_events_are_counted(beat_heartbeat: None) -> None:
    count_before = read_metrics(api_with_scope("read"))["chm_lineage_unmatched_events_total"]
    event = {"eventTime": "2026-03-01T10:00:00Z", "run": {"runId": "1"}, "job": {"namespace": "no", "name": "job"}}
    api_with_scope("ingest", client_id=PipelineFactory.create().client_id).post("/api/v1/lineage", [event, event])
    assert read_metrics(api_with_scope("read"))["chm_lineage_unmatched_events_total"] == count_before + 2


def test_the_number_of_queries_of_metrics_does_not_depend_on_the_number_of_failing_pipelines(
    beat_heartbeat: None, django_assert_num_queries: Any
) -> None:
    api = api_with_scope("read")
    api.get("/metrics")
    with django_assert_num_queries(9):
        api.get("/metrics")
    for _ in range(10):
        RunFactory.create(status="failed", started_at=timezone.now())
    with django_assert_num_queries(9):
        api.get("/metrics")


@pytest.mark.parametrize("path", ["/ready", "/metrics"])
def test_details_of_readiness_and_metrics_need_permission(path: str, beat_heartbeat: None) -> None:
    if path == "/metrics":
        assert_error(APIClient().get(path), 401, "unauthorized")
    assert_error(api_with_scope("ingest").get(path), 403, "forbidden")
    assert api_as_role("viewer").get(path).status_code == 200


def test_each_tick_of_beat_writes_a_heartbeat(tmp_path: Any) -> None:
    assert heartbeat_age() is None
    scheduler = BeatingScheduler(current_app, schedule_filename=str(tmp_path / "beat"))
    scheduler.tick()
    age = heartbeat_age()
    assert age is not None
    assert age < 5
    scheduler.close()
