"""Read the health board: its sections, tiles and charts."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString

from chm_project.console.drawing.charts import Bar, draw_bars, draw_rates, spread_labels, success_point
from chm_project.console.drawing.text_format import day_and_month
from chm_project.console.pages.board_scope import BoardScope, why_board_is_empty
from chm_project.console.pages.row_strips import add_strips
from chm_project.console.pages.run_links import filtered_runs_url, window_of_day
from chm_project.console.pages.sections import SECTIONS, Section, candidates
from runs.reporting.run_shapes import Row, run_shape

FAILURES_PERIOD = timedelta(days=7)
SUCCESS_DAYS = 30
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class BoardSection:
    """A section of the board with its first rows. `url` is the page with all rows; `total` is their number."""

    section: Section
    rows: list[Row]
    total: int
    url: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its rows. `total` is the number of runs that it counts.

    `peak` is the highest number of failed runs in an hour; 0 for the chart of successful runs.
    """

    drawing: SafeString
    peak: int
    total: int
    rows: list[Row]


def list_url(section: Section, scope: BoardScope) -> str:
    return reverse("console:list", args=[section.key]) + scope.query


def read_board(scope: BoardScope, now: datetime) -> dict[str, Any]:
    """Return the template context of the board's sections, tiles and charts."""
    board_sections, pipeline_ids_by_key = [], candidates(scope, now)
    for section in (section for section in SECTIONS.values() if section.rows_on_board):
        section_scope = scope
        if section.candidates_key:
            section_scope = replace(scope, pipeline_ids=tuple(pipeline_ids_by_key[section.candidates_key]))
        rows, total = section.read_rows(section_scope, now, section.rows_on_board, 0)
        board_sections.append(BoardSection(section, rows, total, list_url(section, scope)))
    add_strips((row for each in board_sections for row in each.rows), scope.as_of)
    as_of = scope.as_of or now
    return {
        "as_of": as_of,
        "changed_since": scope.compared_since(now),
        "why_board_is_empty": why_board_is_empty(scope),
        "board_sections": board_sections,
        "tiles": [each for each in board_sections if each.section.tile_text],
        "failures_chart": failures_chart(scope, as_of),
        "success_chart": success_chart(scope, as_of),
    }


def failures_chart(scope: BoardScope, as_of: datetime) -> Chart:
    """Draw the number of failed runs in each hour of the last 7 days, including hours without failures."""
    since = as_of - FAILURES_PERIOD
    rows = run_shape("failures_over_time", now=as_of, since=since, until=as_of, **scope.parameters)
    failed_runs_by_hour = {row["ts_bucket"]: row["failed_runs"] for row in rows}
    hour, bars, dates = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0), [], []
    while hour < as_of:
        failed_runs = failed_runs_by_hour.get(hour, 0)
        url = filtered_runs_url(scope.parameters, hour, hour + HOUR, status="failed") if failed_runs else ""
        bars.append(
            Bar(f"{hour:%a} {day_and_month(hour)} {hour:%H:%M} UTC: {failed_runs:,} failed", failed_runs, url=url)
        )
        if hour.date() not in dates:
            dates.append(hour.date())
        hour += HOUR
    total = sum(failed_runs_by_hour.values())
    label = f"Failed runs per hour over 7 days: {total}"
    drawing = draw_bars(bars, label=label, dates=spread_labels([f"{day:%a} {day_and_month(day)}" for day in dates], 5))
    return Chart(drawing, max(failed_runs_by_hour.values(), default=0), total, rows)


def success_chart(scope: BoardScope, as_of: datetime) -> Chart:
    """Draw the share of successful runs on each of the last 30 UTC days."""
    first_day = as_of.astimezone(UTC).date() - timedelta(days=SUCCESS_DAYS - 1)
    since = datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC)
    rows = run_shape("daily_success", now=as_of, since=since, until=as_of, **scope.parameters)
    row_by_day = {row["day"]: row for row in rows}
    days = [first_day + timedelta(days=number) for number in range(SUCCESS_DAYS)]
    points = [
        success_point(day, row_by_day.get(day), filtered_runs_url(scope.parameters, *window_of_day(day)))
        for day in days
    ]
    total = sum(row["runs"] for row in rows)
    label = f"Share of successful runs per day over {SUCCESS_DAYS} days: {total} runs"
    return Chart(
        draw_rates(points, label=label, dates=spread_labels([day_and_month(day) for day in days])), 0, total, rows
    )
