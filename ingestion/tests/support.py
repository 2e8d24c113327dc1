"""Helpers for tests of ingestion: they create pipelines and connections, ingest, and read reports and rows."""

from dataclasses import replace
from typing import Any

from django.db import connection as database

from ingestion.connections import AuthSettings, Connection
from ingestion.http import HttpSettings
from ingestion.report import Report
from ingestion.scope import IngestionScope
from ingestion.services import ingest_connection
from ingestion.synthetic.partner import PartnerServer
from inventory.models import Client, Pipeline

PASSWORD_ENV = "CHM_TEST_PARTNER_SECRET"
AIRFLOW_DAGS = (
    "sales_daily_load",
    "orders.reconcile-v2",
    "sales-mart.refresh",
    "long_haul_export",
    "branch_and_map",
    "manual_refund",
    "archive_backfill",
    "übersicht.täglich-münchen",
)
SHORT_TIMEOUTS = HttpSettings(timeout_seconds=1, max_retries=2, backoff_seconds=0.01)


def create_pipelines(client_name: str, *external_ids: str, **fields: Any) -> dict[str, Pipeline]:
    """Create a pipeline for each external id, and the client if it does not exist. Return the pipelines by that id."""
    client, _ = Client.objects.get_or_create(name=client_name)
    defaults = {"platform": "airflow", "pipeline_type": "ingestion"} | fields
    return {
        external_id: Pipeline.objects.create(client=client, name=external_id, external_id=external_id, **defaults)
        for external_id in external_ids
    }


def airflow_connection(partner: PartnerServer, **options: Any) -> Connection:
    """Return a connection to a simulated Airflow, without reconciliation and without reading the list of DAGs."""
    auth = AuthSettings(kind="airflow_token", username="admin", secret_env=PASSWORD_ENV)
    connection = Connection(
        f"airflow-{partner.base_url}", "airflow", partner.base_url, auth, http_settings=SHORT_TIMEOUTS,
        reconcile_days=0, inventory_seconds=0,
    )  # fmt: skip
    return replace(connection, **options)


def generic_connection(partner: PartnerServer, **options: Any) -> Connection:
    """Return a connection to a partner with the generic API, without reconciliation."""
    auth = AuthSettings(kind="bearer", secret_env=PASSWORD_ENV)
    connection = Connection(
        "generic", "generic", partner.base_url, auth, http_settings=SHORT_TIMEOUTS, reconcile_days=0
    )
    return replace(connection, **options)


def ingest(connection: Connection, **scope: Any) -> Report:
    """Ingest all ingestible pipelines with this connection, and return the report."""
    pipelines = list(Pipeline.objects.ingestible().select_related("client").order_by("id"))
    return ingest_connection(connection, pipelines, IngestionScope(**scope))


def outcomes(report: Report) -> dict[str, int]:
    """Return the number of runs for each outcome that occurred."""
    names = ("created", "updated", "unchanged", "stale", "pruned", "rejected")
    return {name: number for name in names if (number := getattr(report, name))}


def row_versions() -> dict[str, tuple[object, ...]]:
    """Return for each run the values that any write or lock changes: ctid, xmin, xmax and two times."""
    with database.cursor() as cursor:
        cursor.execute("SELECT id::text, ctid::text, xmin::text, xmax::text, updated_at, source_updated_at FROM runs")
        return {row[0]: row[1:] for row in cursor.fetchall()}
