"""The data of the demonstration, which users can change."""

from pathlib import Path

import pytest
from django.utils import timezone

from chm_project.local import demo
from inventory.tests.factories import ClientFactory, PipelineFactory

pytestmark = pytest.mark.django_db


def test_the_start_waits_only_for_pipelines_that_a_connection_can_still_ingest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(demo.PASSWORD_ENV, "x")
    monkeypatch.setenv(demo.TOKEN_ENV, "x")
    client = ClientFactory.create(name="Northwind Trading")
    waiting = PipelineFactory.create(client=client, platform="airflow", external_id="sales_daily_load")
    PipelineFactory.create(
        client=client, platform="dbt", external_id="ember-commerce.orders-mart", last_ingest_at=timezone.now()
    )
    PipelineFactory.create(client__name="added by a user", platform="cron", external_id="in no connection")
    PipelineFactory.create(
        client=client, platform="airflow", external_id="not at the source", last_ingest_error="GET /dags answered 404"
    )
    connections = demo.write_connections(
        tmp_path / "connections.toml", airflow_url="http://127.0.0.1:1", partner_url="http://127.0.0.1:2"
    )

    assert list(demo.pipelines_not_ingested_yet(connections)) == [waiting]
