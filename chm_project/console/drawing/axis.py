"""Choose where the axis of a chart begins and ends: at round numbers.

A spike would flatten all other values, so the axis can end below a spike.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chm_project.console.drawing.text_format import duration

# A value is a spike if it is more than SPIKE_FACTOR times the usual value. With fewer than MIN_VALUES values there
# is no usual value, and no spike.
SPIKE_FACTOR, MIN_VALUES = 4, 5
USUAL_PERCENTILE = 0.75
# If there is a spike, the axis ends at this multiple of the usual value.
CUT_AXIS_FACTOR = 1.5
_ROUND_STEPS = (1, 2, 4, 6, 8, 10)
_ROUND_SECONDS = tuple(
    steps * unit for unit, choices in ((1, (2, 4, 10, 20, 40)), (60, (1, 2, 4, 10, 20, 40)), (3600, (1, 2, 4, 6, 12)))
    for steps in choices
)  # fmt: skip
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class AxisUnit:
    """How an axis writes its numbers, and how it rounds them up."""

    format_value: Callable[[float], str]
    round_up: Callable[[float], float]


def round_above(value: float) -> float:
    """Return the next round number at or above a positive value; at least 2.

    Half of this number is round too, because the axis has a label in the middle. Example: 8 for 6.5.
    """
    scale = 10.0 ** math.floor(math.log10(max(value, 2)))
    return next(step * scale for step in _ROUND_STEPS if step * scale >= max(value, 2) * (1 - 1e-9))


def round_seconds_above(value: float) -> float:
    round_value = next((seconds for seconds in _ROUND_SECONDS if seconds >= value), None)
    return float(round_value) if round_value is not None else _DAY * round_above(value / _DAY)


NUMBER = AxisUnit(lambda value: f"{value:,.0f}" if value == round(value) else f"{value:,.1f}", round_above)
SECONDS = AxisUnit(duration, round_seconds_above)


def axis_top(values: Sequence[float], unit: AxisUnit = NUMBER) -> float:
    """Return where the axis ends: at the largest value, or lower if that value is a spike."""
    positive = sorted(value for value in values if value > 0)
    if not positive:
        return unit.round_up(1)
    usual = positive[int(USUAL_PERCENTILE * (len(positive) - 1))]
    is_spike = len(positive) >= MIN_VALUES and positive[-1] > SPIKE_FACTOR * usual
    return unit.round_up(CUT_AXIS_FACTOR * usual if is_spike else positive[-1])


def axis_bottom(shares: Sequence[float]) -> float:
    """Return where an axis of shares begins: the highest of 98, 90, 80 and 50 % that is below all shares, else 0."""
    lowest = min(shares, default=0)
    return next((bottom for bottom in (0.98, 0.9, 0.8, 0.5) if lowest > bottom), 0)
