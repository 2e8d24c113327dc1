"""Status strips.

A pipeline's last runs as marks, oldest first; shape and colour show the status, height the duration.
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

from chm_project.console.drawing.text_format import duration, utc
from inventory.models import Pipeline
from runs.models import Run, Status

LENGTH = 30
_WIDTH, _GAP, _HEIGHT, _MIN_HEIGHT = 7, 2, 26, 7


@dataclass(frozen=True, slots=True)
class Mark:
    """One run in a strip."""

    run_id: UUID
    status: str
    event_at: datetime
    seconds: int | None


def marks_of(pipeline_ids: Iterable[UUID], as_of: datetime | None = None) -> dict[UUID, list[Mark]]:
    """Return the last 30 runs of each pipeline, oldest first, with one query.

    With as_of, return only runs that had started by then; runs that had not ended are open.
    """
    latest = Run.objects.filter(pipeline=OuterRef("pk")).begun(as_of).latest_first()
    fields = JSONObject(id="id", status="status", at="event_at", seconds="duration_seconds", started_at="started_at")
    rows = (
        Pipeline.objects.filter(pk__in=set(pipeline_ids))
        .order_by()
        .values_list("pk", ArraySubquery(latest.values_list(fields)[:LENGTH]))
    )
    return {pk: [_mark(run, as_of) for run in reversed(runs)] for pk, runs in rows}


def _mark(run: dict[str, Any], as_of: datetime | None) -> Mark:
    event_at = datetime.fromisoformat(run["at"])
    if as_of is not None and event_at > as_of:
        return Mark(UUID(run["id"]), Status.RUNNING, datetime.fromisoformat(run["started_at"]), None)
    return Mark(UUID(run["id"]), run["status"], event_at, run["seconds"])


def draw(marks: Sequence[Mark]) -> SafeString:
    """Return an SVG of links, from ids, statuses, times and numbers only, never a partner's text."""
    if not marks:
        return mark_safe('<span class="chm-subtle">no run yet</span>')
    longest = max((mark.seconds or 0 for mark in marks), default=0) or 1
    step = _WIDTH + _GAP
    width = LENGTH * step - _GAP
    offset = (LENGTH - len(marks)) * step
    address = reverse("admin:runs_run_change", args=["RUN"])
    pieces = [
        # For the mouse only: the pipeline's page lists the same runs for the keyboard.
        f'<a href="{address.replace("RUN", str(mark.run_id))}" tabindex="-1">'
        f"<title>{_label_of(mark)}</title>{_shape(mark, offset + number * step, longest)}</a>"
        for number, mark in enumerate(marks)
    ]
    return mark_safe(  # noqa: S308 - see above
        f'<svg class="chm-strip" viewBox="0 0 {width} {_HEIGHT}" width="{width}" height="{_HEIGHT}" '
        f'role="group" aria-label="{_summary(marks)}">{"".join(pieces)}</svg>'
    )


def _label_of(mark: Mark) -> str:
    lasted = f", {duration(mark.seconds)}" if mark.seconds is not None else ""
    return f"{mark.status}, {utc(mark.event_at)}{lasted}"


def _summary(marks: Sequence[Mark]) -> str:
    counts: dict[str, int] = {}
    for mark in marks:
        counts[mark.status] = counts.get(mark.status, 0) + 1
    summary = ", ".join(f"{counts[status]} {status}" for status in Status.values if status in counts)
    return f"Last {len(marks)} runs, oldest first: {summary}; the latest is {marks[-1].status}"


def _shape(mark: Mark, x: int, longest: int) -> str:
    """Draw a run: flat bar succeeded, pointed failed, hollow running, split canceled, dot skipped."""
    height = _MIN_HEIGHT + round((_HEIGHT - _MIN_HEIGHT) * min(1, (mark.seconds or 0) / longest))
    top, right, middle = _HEIGHT - height, x + _WIDTH, x + _WIDTH / 2
    # The whole column is the link, also above a short bar.
    column = f'<rect class="chm-column" x="{x}" y="0" width="{_WIDTH}" height="{_HEIGHT}"/>'
    match mark.status:
        case Status.FAILED:
            peak = f"L{middle} {top}L{right} {top + 5}"
            shape = f'<path class="chm-fill-failed" d="M{x} {_HEIGHT}V{top + 5}{peak}V{_HEIGHT}Z"/>'
        case Status.RUNNING:
            shape = (
                f'<rect class="chm-line-running" x="{x + 1}" y="{top + 1}" width="{_WIDTH - 2}" height="{height - 2}"/>'
            )
        case Status.CANCELED:
            half = max(2, height // 2 - 1)
            shape = (
                f'<path class="chm-fill-canceled" d="M{x} {top}h{_WIDTH}v{half}h-{_WIDTH}z'
                f'M{x} {_HEIGHT - half}h{_WIDTH}v{half}h-{_WIDTH}z"/>'
            )
        case Status.SKIPPED:
            shape = f'<circle class="chm-fill-skipped" cx="{middle}" cy="{_HEIGHT - 3}" r="2.5"/>'
        case Status.SUCCESS:
            shape = f'<rect class="chm-fill-success" x="{x}" y="{top}" width="{_WIDTH}" height="{height}" rx="1"/>'
        case _:
            raise ValueError(f"Unknown status: {mark.status}")
    return column + shape


def strips_of(pipeline_ids: Iterable[UUID], as_of: datetime | None = None) -> Mapping[UUID, SafeString]:
    return {pk: draw(marks) for pk, marks in marks_of(pipeline_ids, as_of).items()}
