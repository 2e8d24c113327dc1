"""Draw charts on the server as inline SVG, from numbers, dates and fixed texts only, never a partner's text.

They stretch to the available width, so labels are HTML beside them and scale with the page's text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from chm_project.console.drawing.axis import NUMBER, AxisUnit, floor_of, top_of
from chm_project.console.drawing.text_format import counted, share
from runs.models import Status

WIDTH, HEIGHT, ROOF = 600, 140, 5
GRID = (0.0, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar. `kind` is a status and sets the colour; `href` links to its runs."""

    label: str
    value: float
    kind: str = "failed"
    href: str = ""


@dataclass(frozen=True, slots=True)
class ChartLine:
    label: str
    value: float
    kind: str


@dataclass(frozen=True, slots=True)
class Point:
    """A share from 0 to 1; None is a gap."""

    label: str
    share: float | None
    href: str = ""


def bars(
    values: Sequence[Bar],
    *,
    label: str,
    dates: Sequence[str] = (),
    lines: Sequence[ChartLine] = (),
    unit: AxisUnit = NUMBER,
) -> SafeString:
    """Draw bars from zero; `lines` are horizontal, `dates` are evenly spaced below.

    A bar above the end of the axis is cut, has a gap, and is listed below the chart.
    """
    top = top_of([bar.value for bar in values] + [line.value for line in lines], unit)
    step = WIDTH / max(len(values), 1)
    wide = step * (0.8 if step > 3 else 1)
    pieces, cut = _grid(), []
    for place, bar in enumerate(values):
        x = place * step
        tall = HEIGHT * min(bar.value / top, 1)
        # As in the strips, a failed run's bar is pointed: not by colour alone.
        roof = min(ROOF, tall) if bar.kind == Status.FAILED and step >= ROOF else 0
        form = (
            f'<path class="chm-fill-{bar.kind}" d="M{x:.1f} {HEIGHT}v{roof - tall:.1f}l{wide / 2:.1f} {-roof:.1f}'
            f'l{wide / 2:.1f} {roof:.1f}V{HEIGHT}z"/>'
        )
        if bar.value > top:
            cut.append(bar.label)
            form += f'<path class="chm-cut" d="M{x - 1:.1f} 22l{wide + 2:.1f} -6"/>'
        pieces.append(_place(x, step, form, bar.label, bar.href, first=not place))
    for line in lines:
        y = HEIGHT - HEIGHT * min(line.value / top, 1)
        pieces.append(
            f'<line class="chm-line-{line.kind}" x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}">'
            f"<title>{line.label}</title></line>"
        )
    marks = [unit.write(top * share) for share in GRID]
    note = f"Above the axis: {'; '.join(cut[:3])}{f'; and {len(cut) - 3} more' if len(cut) > 3 else ''}." if cut else ""
    return _figure(pieces, label, marks, dates, note)


def rates(points: Sequence[Point], *, label: str, dates: Sequence[str] = ()) -> SafeString:
    """Draw a line of shares up to 100 %, on an axis that shows every value."""
    floor = floor_of([point.share for point in points if point.share is not None])
    step = WIDTH / max(len(points), 1)
    pieces, path, joined = _grid(), [], False
    marks: list[str] = []
    for place, point in enumerate(points):
        x = (place + 0.5) * step
        if point.share is None:
            joined = False
            continue
        y = HEIGHT - HEIGHT * (point.share - floor) / (1 - floor)
        path.append(f"{'L' if joined else 'M'}{x:.1f} {y:.1f}")
        joined = True
        # A line of length 0 with round ends is a round dot at any stretch.
        form = f'<path class="chm-point" d="M{x:.1f} {y:.1f}h.01"/>'
        marks.append(_place(place * step, step, form, point.label, point.href, first=not marks))
    pieces += [f'<path class="chm-rate" d="{"".join(path)}"/>', *marks]
    ticks = [f"{(floor + (1 - floor) * share) * 100:.3g} %" for share in GRID]
    return _figure(pieces, label, ticks, dates, "")


def success_point(day: date, row: Mapping[str, Any] | None, href: str) -> Point:
    """A day of the shape daily_success, or a gap for a day without runs."""
    if row is None:
        return Point(f"{day:%a %d %b}: no runs", None)
    failed = f", {row['failed']:,} failed" if row["failed"] else ", none failed" if row["success"] < row["runs"] else ""
    text = f"{share(row['success_rate'])} of {counted(row['runs'], 'run')} succeeded{failed}"
    return Point(f"{day:%a %d %b}: {text}", row["success_rate"], href)


def spans(
    periods: Iterable[tuple[datetime, datetime, str]], *, since: datetime, until: datetime, label: str
) -> SafeString:
    """Draw spans of time within a window as blocks on a line."""
    whole = (until - since).total_seconds() or 1
    pieces = ['<rect class="chm-track" x="0" y="8" width="600" height="4"/>']
    for start, end, title in periods:
        x = WIDTH * (start - since).total_seconds() / whole
        wide = max(2.0, WIDTH * (end - start).total_seconds() / whole)
        pieces.append(
            f'<rect class="chm-fill-failed" x="{min(x, WIDTH - wide):.1f}" y="0" width="{wide:.1f}" height="20">'
            f"<title>{title}</title></rect>"
        )
    return _svg(pieces, label, 20, "img")


def few(labels: Sequence[str], limit: int = 6) -> list[str]:
    """Return the first, the last and evenly placed labels between them, for the dates of an axis."""
    if len(labels) <= limit:
        return list(labels)
    return [labels[round(number * (len(labels) - 1) / (limit - 1))] for number in range(limit)]


def _place(x: float, step: float, form: str, label: str, href: str, *, first: bool) -> str:
    """Draw one value: the whole column is active, and arrow keys move between values."""
    column = f'<rect class="chm-column" x="{x:.1f}" y="0" width="{step:.1f}" height="{HEIGHT}"/>'
    reach = f'tabindex="{0 if first else -1}" aria-label="{label}"'
    inside = f"{column}{form}<title>{label}</title>"
    return f'<a href="{escape(href)}" {reach}>{inside}</a>' if href else f'<g role="img" {reach}>{inside}</g>'


def _grid() -> list[str]:
    return [
        f'<line class="chm-grid" x1="0" x2="{WIDTH}" y1="{HEIGHT * share:.0f}" y2="{HEIGHT * share:.0f}"/>'
        for share in GRID
    ]


def _figure(pieces: Sequence[str], label: str, marks: Sequence[str], dates: Sequence[str], note: str) -> SafeString:
    """`marks` are the axis's numbers from the bottom up. Each bar's label says its value, so readers skip the axes."""
    axis = "".join(f"<span>{mark}</span>" for mark in reversed(marks))
    below = "".join(f"<span>{date}</span>" for date in dates)
    return mark_safe(  # noqa: S308 - see the module's first line
        f'<div class="chm-figure"><div class="chm-y" aria-hidden="true">{axis}</div>'
        f"{_svg(pieces, label, HEIGHT, 'group')}"
        f'<div class="chm-x" aria-hidden="true">{below}</div></div>'
        f'<p class="chm-value" aria-hidden="true">{note}</p>'
    )


def _svg(pieces: Sequence[str], label: str, height: int, role: str) -> SafeString:
    return mark_safe(  # noqa: S308 - see the module's first line
        f'<svg class="chm-chart" viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" height="{height}" '
        f'role="{role}" aria-label="{label}">{"".join(pieces)}</svg>'
    )
