"""Draw status strips: a pipeline's last runs as bars, oldest first.

The form and colour of a bar show the status of its run, and the height shows the duration.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from chm_project.console.drawing.text_format import duration, utc_text
from inventory.models import Pipeline
from runs.models import Run, Status

RUNS_PER_STRIP = 30
_WIDTH, _GAP, _HEIGHT, _MIN_HEIGHT = 7, 2, 26, 7


@dataclass(frozen=True, slots=True)
class StripRun:
    """A run in a strip."""

    run_id: UUID
    status: str
    event_at: datetime
    duration_seconds: int | None


def strip_runs_by_pipeline(pipeline_ids: Iterable[UUID], as_of: datetime | None = None) -> dict[UUID, list[StripRun]]:
    """Return the last 30 runs of each pipeline, oldest first, with one query.

    With `as_of`, return only runs that had started by then. A run that had not ended by then is returned as running.
    """
    latest_runs = Run.objects.filter(pipeline=OuterRef("pk")).started_until(as_of).latest_first()
    fields = JSONObject(
        id="id", status="status", event_at="event_at", duration_seconds="duration_seconds", started_at="started_at"
    )
    rows = (
        Pipeline.objects.filter(pk__in=set(pipeline_ids))
        .order_by()
        .values_list("pk", ArraySubquery(latest_runs.values_list(fields)[:RUNS_PER_STRIP]))
    )
    return {pk: [_strip_run(run, as_of) for run in reversed(runs)] for pk, runs in rows}


def _strip_run(run: dict[str, Any], as_of: datetime | None) -> StripRun:
    event_at = datetime.fromisoformat(run["event_at"])
    if as_of is not None and event_at > as_of:
        return StripRun(UUID(run["id"]), Status.RUNNING, datetime.fromisoformat(run["started_at"]), None)
    return StripRun(UUID(run["id"]), run["status"], event_at, run["duration_seconds"])


def draw_strip(runs: Sequence[StripRun]) -> SafeString:
    """Return the strip as an SVG of links, from ids, statuses, times and numbers only, never from a partner's text."""
    if not runs:
        return mark_safe('<span class="chm-subtle">no run yet</span>')
    longest_seconds = max((run.duration_seconds or 0 for run in runs), default=0) or 1
    step = _WIDTH + _GAP
    width = RUNS_PER_STRIP * step - _GAP
    offset = (RUNS_PER_STRIP - len(runs)) * step
    url_pattern = reverse("admin:runs_run_change", args=["RUN"])
    links = [
        # The links are for the mouse only. With the keyboard, users reach these runs on the page of the pipeline.
        f'<a href="{url_pattern.replace("RUN", str(run.run_id))}" tabindex="-1">'
        f"<title>{_label_of(run)}</title>{_draw_run(run, offset + index * step, longest_seconds)}</a>"
        for index, run in enumerate(runs)
    ]
    return mark_safe(  # noqa: S308 - only ids, statuses, times and numbers
        f'<svg class="chm-strip" viewBox="0 0 {width} {_HEIGHT}" width="{width}" height="{_HEIGHT}" '
        f'role="group" aria-label="{_summary(runs)}">{"".join(links)}</svg>'
    )


def _label_of(run: StripRun) -> str:
    run_duration = f", {duration(run.duration_seconds)}" if run.duration_seconds is not None else ""
    return f"{run.status}, {utc_text(run.event_at)}{run_duration}"


def _summary(runs: Sequence[StripRun]) -> str:
    counts: dict[str, int] = {}
    for run in runs:
        counts[run.status] = counts.get(run.status, 0) + 1
    summary = ", ".join(f"{counts[status]} {status}" for status in Status.values if status in counts)
    return f"Last {len(runs)} runs, oldest first: {summary}; the latest is {runs[-1].status}"


def _draw_run(run: StripRun, x: int, longest_seconds: int) -> str:
    """Draw a run: success is a flat bar, failed pointed, running hollow, canceled split, skipped a dot."""
    height = _MIN_HEIGHT + round((_HEIGHT - _MIN_HEIGHT) * min(1, (run.duration_seconds or 0) / longest_seconds))
    top, right, middle = _HEIGHT - height, x + _WIDTH, x + _WIDTH / 2
    # The whole height of the strip is the link, so that a short bar is easy to hit.
    column = f'<rect class="chm-column" x="{x}" y="0" width="{_WIDTH}" height="{_HEIGHT}"/>'
    match run.status:
        case Status.FAILED:
            peak = f"L{middle} {top}L{right} {top + 5}"
            run_svg = f'<path class="chm-fill-failed" d="M{x} {_HEIGHT}V{top + 5}{peak}V{_HEIGHT}Z"/>'
        case Status.RUNNING:
            run_svg = (
                f'<rect class="chm-line-running" x="{x + 1}" y="{top + 1}" width="{_WIDTH - 2}" height="{height - 2}"/>'
            )
        case Status.CANCELED:
            half = max(2, height // 2 - 1)
            run_svg = (
                f'<path class="chm-fill-canceled" d="M{x} {top}h{_WIDTH}v{half}h-{_WIDTH}z'
                f'M{x} {_HEIGHT - half}h{_WIDTH}v{half}h-{_WIDTH}z"/>'
            )
        case Status.SKIPPED:
            run_svg = f'<circle class="chm-fill-skipped" cx="{middle}" cy="{_HEIGHT - 3}" r="2.5"/>'
        case Status.SUCCESS:
            run_svg = f'<rect class="chm-fill-success" x="{x}" y="{top}" width="{_WIDTH}" height="{height}" rx="1"/>'
        case _:
            raise ValueError(f"Unknown status: {run.status}")
    return column + run_svg


def strips_by_pipeline(pipeline_ids: Iterable[UUID], as_of: datetime | None = None) -> Mapping[UUID, SafeString]:
    return {pk: draw_strip(runs) for pk, runs in strip_runs_by_pipeline(pipeline_ids, as_of).items()}
