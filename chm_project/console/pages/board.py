"""The health board: what an analyst looks at first in the morning."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString

from chm_project.console.drawing.charts import STACKED, Bar, bars, stacked
from chm_project.console.pages.board_scope import BoardScope, why_nothing_is_judged
from chm_project.console.pages.row_strips import add_strips
from chm_project.console.pages.sections import SECTIONS, Section, known_failures
from runs.reporting.adapter import Row, run_shape

FAILURES_OVER = timedelta(days=7)
MIX_WEEKS = 4


@dataclass(frozen=True, slots=True)
class Shown:
    """A section as the board shows it: `total` is how many rows the list behind `address` has."""

    section: Section
    rows: list[Row]
    total: int
    address: str


@dataclass(frozen=True, slots=True)
class Chart:
    drawing: SafeString
    most: int
    total: int
    rows: list[Row]
    since: datetime | None = None
    until: datetime | None = None


def list_address(section: Section, scope: BoardScope) -> str:
    return reverse("console:list", args=[section.key]) + scope.query


def read_board(scope: BoardScope, clock: datetime) -> dict[str, Any]:
    shown = []
    for section in SECTIONS.values():
        rows, total = section.read(scope, clock, section.most, 0)
        shown.append(Shown(section, rows, total, list_address(section, scope)))
    add_strips((row for one in shown for row in one.rows), scope.as_of)
    as_of = scope.as_of or clock
    return {
        "as_of": as_of,
        "changed_since": scope.compared_since(clock),
        "nothing_judged": why_nothing_is_judged(scope),
        "shown": shown,
        "known": known_failures(scope, clock),
        "tiles": [one for one in shown if one.section.tile],
        "failures": failures_chart(scope, as_of),
        "mix": mix_chart(scope, as_of),
    }


def failures_chart(scope: BoardScope, as_of: datetime) -> Chart:
    """Failed runs by the hour over 7 days, hours without failures included."""
    since = as_of - FAILURES_OVER
    rows = run_shape("failures_over_time", clock=as_of, since=since, until=as_of, **scope.parameters)
    by_hour = {row["ts_bucket"]: row["failed_runs"] for row in rows}
    hour, values = since.replace(minute=0, second=0, microsecond=0), []
    while hour < as_of:
        number = by_hour.get(hour, 0)
        values.append(Bar(f"{hour:%a %d %b %H:%M} UTC: {number} failed", number))
        hour += timedelta(hours=1)
    total = sum(by_hour.values())
    label = f"Failed runs by the hour over 7 days: {total}"
    return Chart(bars(values, label=label), max(by_hour.values(), default=0), total, rows, since, as_of)


def mix_chart(scope: BoardScope, as_of: datetime) -> Chart:
    """Shares of the statuses by week."""
    rows = run_shape("weekly_status_mix", clock=as_of, weeks=MIX_WEEKS, **scope.parameters)
    weeks: dict[Any, dict[str, int]] = {}
    for row in rows:
        weeks.setdefault(row["week_start"], {})[row["status"]] = row["runs"]
    columns = [(f"Week of {week:%d %b}", parts) for week, parts in weeks.items()]
    table = [
        {"week": week, "parts": [(status, parts.get(status, 0)) for status in STACKED], "runs": sum(parts.values())}
        for week, parts in weeks.items()
    ]
    total = sum(row["runs"] for row in rows)
    label = f"Shares of the statuses in {len(columns)} weeks: {total} runs"
    return Chart(stacked(columns, label=label), 0, total, table)
