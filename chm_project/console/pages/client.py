"""The page of a client: its report for a period, and the current state of its pipelines and their ingestion."""

from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, Q

from chm_project.console.drawing.strips import draw_strip, strip_runs_by_pipeline
from chm_project.console.pages.client_report import Period, period_choices, read_report
from chm_project.console.pages.row_strips import add_strips
from ingestion.connections import ConfigurationError, configured_connections
from inventory.models import Client, Pipeline
from runs.reporting.run_shapes import run_shape

PIPELINES_PER_PAGE = 50


def read_client(client: Client, period: Period, as_of: datetime, page_text: str) -> dict[str, Any]:
    page = Paginator(client.pipelines.order_by("name", "id"), PIPELINES_PER_PAGE).get_page(page_text)
    runs_by_pipeline = strip_runs_by_pipeline(pipeline.pk for pipeline in page.object_list)
    report = read_report(client, period)
    add_strips(report.failing, period.until if period.is_over else None)
    return {
        "as_of": as_of,
        "client": client,
        "report": report,
        "periods": period_choices(as_of),
        "pages": page,
        "pipelines": [
            {"pipeline": pipeline, "latest": last_runs[-1] if last_runs else None, "strip": draw_strip(last_runs)}
            for pipeline in page.object_list
            for last_runs in [runs_by_pipeline.get(pipeline.pk, [])]
        ],
        "sources": run_shape("ingestion_health", now=as_of, client_id=client.pk),
        **_connections(client),
    }


def _connections(client: Client) -> dict[str, Any]:
    """Return the connections that select this client's pipelines, and the last errors of reading these pipelines."""
    errors = client.pipelines.filter(~Q(last_ingest_error=None)).order_by("-last_ingest_at")[:10]
    try:
        connections = list(configured_connections().values())
    except ConfigurationError:
        return {"connections": [], "connections_faulty": True, "ingest_errors": errors}
    ingestible = Pipeline.objects.ingestible().filter(client=client)
    # The aliases are numbered, because a connection's name is not always a valid alias.
    counts = ingestible.aggregate(
        **{f"selected_{number}": Count("pk", filter=each.condition()) for number, each in enumerate(connections)}
    )
    return {
        "connections": [
            (each.name, counts[f"selected_{number}"])
            for number, each in enumerate(connections)
            if counts[f"selected_{number}"]
        ],
        "connections_faulty": False,
        "ingest_errors": errors,
    }
