"""The page of a pipeline: last runs with durations and rows, failures by cause, and alert rules."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.safestring import SafeString

from alerting.models import AlertRule
from chm_project.console.drawing.axis import NUMBER, SECONDS, AxisUnit
from chm_project.console.drawing.charts import Bar, ChartLine, draw_bars, spread_labels
from chm_project.console.drawing.strips import strips_by_pipeline
from chm_project.console.drawing.text_format import day_and_month, duration, utc_text
from chm_project.console.pages.error_groups import group_failures
from chm_project.console.pages.rule_preview import previews_of
from inventory.models import Pipeline
from runs.models import Run
from runs.planned_maintenance import add_maintenance_columns
from runs.reporting.run_shapes import Row, page_of_shape

CHARTED_RUNS, LISTED_RUNS, MAX_GROUPED_FAILURES = 100, 30, 500
MAX_CAUSES, MAX_RULES = 20, 10
FAILURES_PERIOD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class RunChart:
    """A chart of runs. `value_count` is the number of runs that have a value."""

    drawing: SafeString
    value_count: int
    maximum: float | None
    median: float | None
    p95: float | None


def read_pipeline(pipeline: Pipeline, as_of: datetime) -> dict[str, Any]:
    runs = Run.objects.filter(pipeline=pipeline)
    # Payloads are large, and the page does not show them.
    newest_runs = list(runs.latest_first().defer("payload")[:CHARTED_RUNS])
    scope = Q(pipeline=pipeline) | Q(client=pipeline.client_id, pipeline=None)
    verdict = read_verdict(pipeline, as_of)
    # add_maintenance_columns adds the columns owner, runbook_url and maintenance to each row. If the pipeline is not
    # failing, there is no failing_row, but the page still shows the owner and the runbook.
    owner_and_runbook: Row = {"pipeline_id": pipeline.pk}
    failing_rows = [verdict.failing_row] if verdict.failing_row else []
    add_maintenance_columns([owner_and_runbook, *failing_rows], as_of=as_of)
    rules = AlertRule.objects.filter(scope).select_related("client", "pipeline__client").order_by("created_at", "id")
    shown_rules = list(rules[:MAX_RULES])
    failure_causes = group_failures(pipeline.pk, since=as_of - FAILURES_PERIOD, limit=MAX_GROUPED_FAILURES)
    return {
        "as_of": as_of,
        "pipeline": pipeline,
        "verdict": verdict,
        "owner_and_runbook": owner_and_runbook,
        "strip": strips_by_pipeline([pipeline.pk]).get(pipeline.pk, ""),
        "runs": newest_runs[:LISTED_RUNS],
        "latest": newest_runs[0] if newest_runs else None,
        "duration_chart": run_chart(newest_runs, "duration_seconds", duration, "Duration", SECONDS),
        "rows_chart": run_chart(newest_runs, "rows_processed", lambda value: f"{value:,.0f} rows", "Rows", NUMBER),
        "failure_causes": failure_causes[:MAX_CAUSES],
        "failure_cause_count": len(failure_causes),
        "previews": previews_of(shown_rules, as_of),
        "rule_count": rules.count() if len(shown_rules) == MAX_RULES else len(shown_rules),
    }


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of the pipeline.

    `failing_row` is its row of the shape failing_now. If there is none, `decisive_run` and `is_running` are set.
    """

    failing_row: Row | None
    decisive_run: Run | None = None
    is_running: bool = False


def read_verdict(pipeline: Pipeline, as_of: datetime) -> Verdict:
    rows, _ = page_of_shape(
        "failing_now", page_size=1, where=f"pipeline_id = '{pipeline.pk}'", now=as_of, client_id=pipeline.client_id
    )
    if rows:
        return Verdict(rows[0])
    runs = Run.objects.filter(pipeline=pipeline).defer("payload")
    return Verdict(None, runs.decisive().latest_first().first(), runs.still_open().exists())


def run_chart(newest_runs: Sequence[Run], field: str, format_value: Any, name: str, unit: AxisUnit) -> RunChart:
    """Draw a bar per run, oldest first, and lines for median and p95 of these runs. A run without a value is a gap."""
    values = [value for run in newest_runs if (value := getattr(run, field)) is not None]
    median, p95 = percentile(values, 0.5), percentile(values, 0.95)
    url_pattern = reverse("admin:runs_run_change", args=["RUN"])
    bars = []
    for run in reversed(newest_runs):
        value = getattr(run, field)
        label = f"{utc_text(run.event_at)}, {run.status}: {'not known' if value is None else format_value(value)}"
        bars.append(Bar(label, value or 0, run.status, url_pattern.replace("RUN", str(run.pk))))
    lines = []
    if median is not None and p95 is not None:
        lines = [
            ChartLine(f"median {format_value(median)}", median, "median"),
            ChartLine(f"p95 {format_value(p95)}", p95, "p95"),
        ]
    dates = spread_labels([_axis_time(run.event_at) for run in reversed(newest_runs)], 3)
    label = f"{name} of the last {len(newest_runs)} runs, oldest first"
    drawing = draw_bars(bars, label=label, lines=lines, dates=dates, unit=unit)
    return RunChart(drawing, len(values), max(values, default=None), median, p95)


def _axis_time(moment: datetime) -> str:
    """Return HTML with a time for an axis, in UTC. The page's script shows it in the browser's zone."""
    moment = moment.astimezone(UTC)
    return f'<time datetime="{moment:%Y-%m-%dT%H:%MZ}">{day_and_month(moment)} {moment:%H:%M}</time>'


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the percentile, as percentile_cont of PostgreSQL does: interpolated between the two nearest values."""
    if not values:
        return None
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    low, high = ordered[math.floor(position)], ordered[math.ceil(position)]
    return low + (high - low) * (position - math.floor(position))
