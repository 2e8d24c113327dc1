"""Charts drawn on the server as inline SVG: numbers, dates and words of our own only, never a partner's text.

They stretch to the width of their place, so their texts stand outside, in HTML.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.safestring import SafeString, mark_safe

from runs.models import Status

WIDTH, HEIGHT, ROOF = 600, 120, 5


@dataclass(frozen=True, slots=True)
class Bar:
    """`kind` is a status: it colours the bar."""

    label: str
    value: float
    kind: str = "failed"
    href: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    label: str
    value: float
    kind: str


def bars(values: Sequence[Bar], *, label: str, lines: Sequence[Line] = ()) -> SafeString:
    """One bar each, from zero up to the largest; `lines` go across at their values."""
    top = max([bar.value for bar in values] + [line.value for line in lines], default=0) or 1
    step = WIDTH / max(len(values), 1)
    wide = step * (0.8 if step > 3 else 1)
    pieces = []
    for place, bar in enumerate(values):
        tall = HEIGHT * bar.value / top
        x = place * step
        column = f'<rect class="chm-column" x="{x:.1f}" y="0" width="{step:.1f}" height="{HEIGHT}"/>'
        # As in the strips, a failed run's bar is pointed: not by colour alone.
        roof = min(ROOF, tall) if bar.kind == Status.FAILED and step >= ROOF else 0
        form = (
            f'<path class="chm-fill-{bar.kind}" d="M{x:.1f} {HEIGHT}v{roof - tall:.1f}l{wide / 2:.1f} {-roof:.1f}'
            f'l{wide / 2:.1f} {roof:.1f}V{HEIGHT}z"/>'
        )
        piece = f"{column}{form}<title>{bar.label}</title>"
        pieces.append(
            f'<a href="{bar.href}" tabindex="-1" aria-label="{bar.label}">{piece}</a>'
            if bar.href
            else f"<g>{piece}</g>"
        )
    for line in lines:
        y = HEIGHT - HEIGHT * line.value / top
        pieces.append(
            f'<line class="chm-line-{line.kind}" x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}">'
            f"<title>{line.label}</title></line>"
        )
    return _svg(pieces, label, HEIGHT, "group" if any(bar.href for bar in values) else "img")


def stacked(columns: Sequence[tuple[str, Mapping[str, int]]], *, label: str) -> SafeString:
    """One column each, its parts as high as their share of the column."""
    step = WIDTH / max(len(columns), 1)
    pieces = []
    for place, (name, parts) in enumerate(columns):
        total = sum(parts.values()) or 1
        y = float(HEIGHT)
        for status in STACKED:
            if number := parts.get(status, 0):
                tall = HEIGHT * number / total
                y -= tall
                told = f"{name}: {number} {status}, {number / total * 100:.1f} %"
                pieces.append(
                    f'<rect class="chm-fill-{status}" x="{place * step:.1f}" y="{y:.1f}" width="{step * 0.8:.1f}" '
                    f'height="{tall:.1f}"><title>{told}</title></rect>'
                )
    return _svg(pieces, label, HEIGHT)


# From the bottom up: what went wrong stands on the axis, where its height can be compared.
STACKED = (Status.FAILED, Status.CANCELED, Status.SKIPPED, Status.RUNNING, Status.SUCCESS)


def spans(
    held: Iterable[tuple[datetime, datetime, str]], *, since: datetime, until: datetime, label: str
) -> SafeString:
    """When something held within a window, as blocks on a line."""
    whole = (until - since).total_seconds() or 1
    pieces = ['<rect class="chm-track" x="0" y="8" width="600" height="4"/>']
    for start, end, told in held:
        x = WIDTH * (start - since).total_seconds() / whole
        wide = max(2.0, WIDTH * (end - start).total_seconds() / whole)
        pieces.append(
            f'<rect class="chm-fill-failed" x="{min(x, WIDTH - wide):.1f}" y="0" width="{wide:.1f}" height="20">'
            f"<title>{told}</title></rect>"
        )
    return _svg(pieces, label, 20)


def _svg(pieces: Sequence[str], label: str, height: int, role: str = "img") -> SafeString:
    return mark_safe(  # noqa: S308 - see the module's first line
        f'<svg class="chm-chart" viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" height="{height}" '
        f'role="{role}" aria-label="{label}">{"".join(pieces)}</svg>'
    )
