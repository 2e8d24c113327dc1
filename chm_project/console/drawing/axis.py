"""The scale of a chart's axis: round numbers, and no spike that flattens the rest."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chm_project.console.drawing.text_format import duration

# A value is a spike if it is more than SPIKE_FACTOR times the usual value; with fewer than MIN_VALUES values, none is.
SPIKE_FACTOR, MIN_VALUES = 4, 5
USUAL_PERCENTILE = 0.75
_STEPS = (1, 2, 4, 6, 8, 10)
_SECONDS = tuple(
    steps * unit for unit, choices in ((1, (2, 4, 10, 20, 40)), (60, (1, 2, 4, 10, 20, 40)), (3600, (1, 2, 4, 6, 12)))
    for steps in choices
)  # fmt: skip
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class AxisUnit:
    """How the numbers of an axis are written, and which of them are round."""

    write: Callable[[float], str]
    above: Callable[[float], float]


def round_above(value: float) -> float:
    """Return the round number at or above a positive value, at least 2; half of it is round too."""
    scale = 10.0 ** math.floor(math.log10(max(value, 2)))
    return next(step * scale for step in _STEPS if step * scale >= max(value, 2) * (1 - 1e-9))


def round_seconds_above(value: float) -> float:
    round_value = next((seconds for seconds in _SECONDS if seconds >= value), None)
    return float(round_value) if round_value is not None else _DAY * round_above(value / _DAY)


NUMBER = AxisUnit(lambda value: f"{value:,.0f}" if value == round(value) else f"{value:,.1f}", round_above)
SECONDS = AxisUnit(duration, round_seconds_above)


def top_of(values: Sequence[float], unit: AxisUnit = NUMBER) -> float:
    """Return where the axis ends: at the largest value, or lower if that value is a spike."""
    positive = sorted(value for value in values if value > 0)
    if not positive:
        return unit.above(1)
    usual = positive[int(USUAL_PERCENTILE * (len(positive) - 1))]
    is_spike = len(positive) >= MIN_VALUES and positive[-1] > SPIKE_FACTOR * usual
    return unit.above(1.5 * usual if is_spike else positive[-1])


def floor_of(shares: Sequence[float]) -> float:
    """Return where an axis of shares begins: the highest round share below all of them, 0 if one is below 50 %."""
    lowest = min(shares, default=0)
    return next((floor for floor in (0.98, 0.9, 0.8, 0.5) if lowest > floor), 0)
