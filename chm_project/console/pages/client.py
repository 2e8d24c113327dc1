"""All of one client: its pipelines and their last runs, trends, rules, and how its ingestion stands."""

from datetime import datetime, timedelta
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet

from alerting.models import AlertRule
from alerting.services import firing_rules
from chm_project.console.drawing.charts import Bar, bars
from chm_project.console.drawing.strips import draw, marks_of
from chm_project.console.pages.board import failures_chart
from chm_project.console.pages.board_scope import BoardScope
from chm_project.console.pages.row_strips import add_strips
from chm_project.console.pages.sections import SECTIONS
from ingestion.connections import ConfigurationError, configured
from inventory.models import Client, Pipeline
from runs.reporting.adapter import Row, run_shape
from runs.summary import summarize_client

PIPELINES_A_PAGE = 50
MAX_FAILING = 10
MAX_RULES = 50
SUMMARY_OVER = timedelta(days=7)


def read_client(client: Client, as_of: datetime, page: str) -> dict[str, Any]:
    scope = BoardScope(client_id=client.pk)
    pages = Paginator(client.pipelines.order_by("name", "id"), PIPELINES_A_PAGE).get_page(page)
    marks = marks_of(pipeline.pk for pipeline in pages.object_list)
    weekly = run_shape("weekly_success_by_client", clock=as_of, **scope.parameters)
    failing, failing_total = SECTIONS["failing"].read(scope, as_of, MAX_FAILING, 0)
    add_strips(failing)
    return {
        "as_of": as_of,
        "client": client,
        "has_active": client.is_active and client.pipelines.filter(is_active=True).exists(),
        "summary": summarize_client(client_id=client.pk, since=as_of - SUMMARY_OVER, until=as_of),
        "failing": failing_total,
        "failing_shown": failing,
        "pages": pages,
        "pipelines": [
            {"pipeline": pipeline, "latest": ours[-1] if ours else None, "strip": draw(ours)}
            for pipeline in pages.object_list
            for ours in [marks.get(pipeline.pk, [])]
        ],
        "failures": failures_chart(scope, as_of),
        "weekly": weekly,
        "weekly_drawing": _weekly(weekly),
        "rules": _rules(client, as_of),
        "sources": run_shape("ingestion_health", clock=as_of, **scope.parameters),
        **_connections(client),
    }


def _weekly(weekly: list[Row]) -> Any:
    values = [
        Bar(f"Week of {row['week_start']:%d %b}: {row['success_rate'] * 100:.1f} % of {row['runs']} runs",
            row["success_rate"], "success")
        for row in weekly
    ]  # fmt: skip
    return bars(values, label="Share of successful runs by week")


def _rules(client: Client, as_of: datetime) -> list[dict[str, Any]]:
    """Those that the client owns: the pipeline's client decides where a rule names both."""
    owned: QuerySet[Any] = AlertRule.objects.with_owner()
    rules = owned.filter(owner_id=client.pk).select_related("pipeline")[:MAX_RULES]
    firing = set(firing_rules(clock=as_of))
    return [{"rule": rule, "holds": rule.pk in firing} for rule in rules]


def _connections(client: Client) -> dict[str, Any]:
    """The connections that select this client's pipelines, and their last errors."""
    try:
        connections = list(configured().values())
    except ConfigurationError:
        return {"connections": [], "connections_faulty": True}
    ours = Pipeline.objects.ingestible().filter(client=client)
    # Numbered, since a connection's name may hold what a column's alias may not.
    counts = ours.aggregate(
        **{f"selected_{number}": Count("pk", filter=each.condition()) for number, each in enumerate(connections)}
    )
    errors = client.pipelines.filter(~Q(last_ingest_error=None)).order_by("-last_ingest_at")[:10]
    return {
        "connections": [
            (each.name, counts[f"selected_{number}"])
            for number, each in enumerate(connections)
            if counts[f"selected_{number}"]
        ],
        "connections_faulty": False,
        "ingest_errors": errors,
    }
