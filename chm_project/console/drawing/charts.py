"""Draw charts on the server as inline SVG, from numbers, dates and fixed texts only, never from a partner's text.

A chart stretches to the available width. Its labels are HTML beside the SVG, so that they keep the page's text size.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from chm_project.console.drawing.axis import NUMBER, AxisUnit, axis_bottom, axis_top
from chm_project.console.drawing.text_format import day_and_month, number_and_noun, percent
from runs.models import Status

WIDTH, HEIGHT, PEAK_HEIGHT = 600, 140, 5
GRID = (0.0, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar. The status decides the colour. `url` is the URL of the runs that the bar counts; empty for no link."""

    label: str
    value: float
    status: str = "failed"
    url: str = ""


@dataclass(frozen=True, slots=True)
class ChartLine:
    """A horizontal line. The style is "median" (solid) or "p95" (dashed)."""

    label: str
    value: float
    style: str


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """A point of a line. `share` is from 0 to 1; None draws a gap. `url` is empty for no link."""

    label: str
    share: float | None
    url: str = ""


def draw_bars(
    bars: Sequence[Bar],
    *,
    label: str,
    dates: Sequence[str] = (),
    lines: Sequence[ChartLine] = (),
    unit: AxisUnit = NUMBER,
) -> SafeString:
    """Draw bars that start at zero. `dates` are labels, evenly spaced below the chart.

    A bar that is higher than the axis is cut off, and a slanted line crosses it. The chart lists the labels of the
    first three such bars.
    """
    top = axis_top([bar.value for bar in bars] + [line.value for line in lines], unit)
    step = WIDTH / max(len(bars), 1)
    bar_width = step * (0.8 if step > 3 else 1)
    elements, cut_labels = _grid(), []
    for index, bar in enumerate(bars):
        x = index * step
        bar_height = HEIGHT * min(bar.value / top, 1)
        # As in the strips, the bar of a failed run is pointed, so that its colour is not the only difference.
        peak = min(PEAK_HEIGHT, bar_height) if bar.status == Status.FAILED and step >= PEAK_HEIGHT else 0
        bar_svg = (
            f'<path class="chm-fill-{bar.status}" d="M{x:.1f} {HEIGHT}v{peak - bar_height:.1f}'
            f'l{bar_width / 2:.1f} {-peak:.1f}l{bar_width / 2:.1f} {peak:.1f}V{HEIGHT}z"/>'
        )
        if bar.value > top:
            cut_labels.append(bar.label)
            bar_svg += f'<path class="chm-cut" d="M{x - 1:.1f} 22l{bar_width + 2:.1f} -6"/>'
        elements.append(_focusable(bar_svg, x, step, bar.label, bar.url, is_first=not index))
    for line in lines:
        y = HEIGHT - HEIGHT * min(line.value / top, 1)
        elements.append(
            f'<line class="chm-line-{line.style}" x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}">'
            f"<title>{line.label}</title></line>"
        )
    axis_labels = [unit.format_value(top * share) for share in GRID]
    unlisted_text = f"; and {len(cut_labels) - 3} more" if len(cut_labels) > 3 else ""
    note = f"Above the axis: {'; '.join(cut_labels[:3])}{unlisted_text}." if cut_labels else ""
    return _figure(elements, label, axis_labels, dates, note)


def draw_rates(points: Sequence[ChartPoint], *, label: str, dates: Sequence[str] = ()) -> SafeString:
    """Draw shares as a line, on an axis that ends at 100 % and begins below the lowest share."""
    bottom = axis_bottom([point.share for point in points if point.share is not None])
    step = WIDTH / max(len(points), 1)
    elements, path_commands, is_connected = _grid(), [], False
    point_elements: list[str] = []
    for index, point in enumerate(points):
        x = (index + 0.5) * step
        if point.share is None:
            is_connected = False
            continue
        y = HEIGHT - HEIGHT * (point.share - bottom) / (1 - bottom)
        path_commands.append(f"{'L' if is_connected else 'M'}{x:.1f} {y:.1f}")
        is_connected = True
        # A line of length 0 with round ends stays a round dot when the chart is stretched; a circle would not.
        point_svg = f'<path class="chm-point" d="M{x:.1f} {y:.1f}h.01"/>'
        is_first = not point_elements
        point_elements.append(_focusable(point_svg, index * step, step, point.label, point.url, is_first=is_first))
    elements += [f'<path class="chm-rate" d="{"".join(path_commands)}"/>', *point_elements]
    axis_labels = [f"{(bottom + (1 - bottom) * share) * 100:.3g} %" for share in GRID]
    return _figure(elements, label, axis_labels, dates, "")


def success_point(day: date, row: Mapping[str, Any] | None, url: str) -> ChartPoint:
    """Return the point for a row of the shape daily_success; a gap if the day has no row."""
    if row is None:
        return ChartPoint(f"{day:%a} {day_and_month(day)}: no runs", None)
    failed = f", {row['failed']:,} failed" if row["failed"] else ", none failed" if row["success"] < row["runs"] else ""
    text = f"{percent(row['success_rate'])} of {number_and_noun(row['runs'], 'run')} succeeded{failed}"
    return ChartPoint(f"{day:%a} {day_and_month(day)}: {text}", row["success_rate"], url)


def draw_spans(
    periods: Iterable[tuple[datetime, datetime, str]], *, since: datetime, until: datetime, label: str
) -> SafeString:
    """Draw periods of time as blocks on a line that covers the time from `since` to `until`."""
    window_seconds = (until - since).total_seconds() or 1
    elements = ['<rect class="chm-track" x="0" y="8" width="600" height="4"/>']
    for start, end, title in periods:
        x = WIDTH * (start - since).total_seconds() / window_seconds
        block_width = max(2.0, WIDTH * (end - start).total_seconds() / window_seconds)
        elements.append(
            f'<rect class="chm-fill-failed" x="{min(x, WIDTH - block_width):.1f}" y="0" width="{block_width:.1f}" '
            f'height="20"><title>{title}</title></rect>'
        )
    return _svg(elements, label, 20, "img")


def spread_labels(labels: Sequence[str], limit: int = 7) -> list[str]:
    """Return the first, the last and evenly placed labels between them, for the dates of an axis.

    On a phone and on paper, every second label is hidden. With an odd limit, the labels are evenly placed there too.
    """
    if len(labels) <= limit:
        return list(labels)
    return [labels[round(index * (len(labels) - 1) / (limit - 1))] for index in range(limit)]


def _focusable(value_svg: str, x: float, width: float, label: str, url: str, *, is_first: bool) -> str:
    """Return a bar or point with its label and its link. An invisible column reacts to the pointer at any height.

    The Tab key reaches only the first bar or point. From there, arrow keys move to the other bars or points.
    """
    column = f'<rect class="chm-column" x="{x:.1f}" y="0" width="{width:.1f}" height="{HEIGHT}"/>'
    focus = f'tabindex="{0 if is_first else -1}" aria-label="{label}"'
    content = f"{column}{value_svg}<title>{label}</title>"
    return f'<a href="{escape(url)}" {focus}>{content}</a>' if url else f'<g role="img" {focus}>{content}</g>'


def _grid() -> list[str]:
    return [
        f'<line class="chm-grid" x1="0" x2="{WIDTH}" y1="{HEIGHT * share:.0f}" y2="{HEIGHT * share:.0f}"/>'
        for share in GRID
    ]


def _figure(
    elements: Sequence[str], label: str, axis_labels: Sequence[str], dates: Sequence[str], note: str
) -> SafeString:
    """Return the chart with its axes. `axis_labels` belong to the vertical axis, from the bottom up.

    The axes are hidden from screen readers, because the label of each bar contains its value.
    """
    vertical_axis = "".join(f"<span>{text}</span>" for text in reversed(axis_labels))
    horizontal_axis = "".join(f"<span>{text}</span>" for text in dates)
    return mark_safe(  # noqa: S308 - see the module's first line
        f'<div class="chm-figure"><div class="chm-y" aria-hidden="true">{vertical_axis}</div>'
        f"{_svg(elements, label, HEIGHT, 'group')}"
        f'<div class="chm-x" aria-hidden="true">{horizontal_axis}</div></div>'
        f'<p class="chm-value" aria-hidden="true">{note}</p>'
    )


def _svg(elements: Sequence[str], label: str, height: int, role: str) -> SafeString:
    return mark_safe(  # noqa: S308 - see the module's first line
        f'<svg class="chm-chart" viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" height="{height}" '
        f'role="{role}" aria-label="{label}">{"".join(elements)}</svg>'
    )
