"""The rule for late pipelines in Python. Tests compare the SQL of the shape late_pipelines with it.

Times are epoch seconds. Decision 0016 explains the rule with examples.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
WEEKS = (1, 2, 3, 4)
# One zone for each set of dates on which clocks change. UTC represents all zones whose clocks do not change.
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Sydney")


@dataclass(frozen=True, slots=True)
class Expectation:
    """The next start is expected `at` a time; the pipeline is late if it has not started `by` a later time."""

    at: float
    by: float


@dataclass(frozen=True, slots=True)
class _UsualStarts:
    """For one zone: the next starts that earlier weeks predict, sorted, and the usual gap that follows them."""

    starts: list[float]
    following: float

    @property
    def third(self) -> float:
        """Return the time by which the next start had happened in three of four weeks."""
        return self.starts[2]

    @property
    def spread(self) -> float:
        """Return how far apart the three closest starts are."""
        return min(third - first for first, third in zip(self.starts, self.starts[2:], strict=False))


def late(starts: Sequence[float], at: float) -> Expectation | None:
    """Return the missing start that makes the pipeline late at the time `at`, or None if it is not late.

    `starts` are sorted.
    """
    past = starts[: bisect_right(starts, at)]
    expected = _by_time_of_week(past, at) or _by_long_gap(past, at) or _by_steady_gap(past, at)
    return expected if expected is not None and expected.by < at else None


def _by_time_of_week(past: Sequence[float], at: float) -> Expectation | None:
    """Return the start that at least three of the four previous weeks predict after the last start, or None."""
    recent_gaps = _gaps(past[-4:])
    if len(past) < 4 or not recent_gaps:
        return None
    last = past[-1]
    gap = _median(recent_gaps)
    # Starts closer than this to the last start's time of the week are its counterparts, not the next start.
    skip = max(min(0.75 * gap, 25 * MINUTE), min(0.4 * gap, 2 * HOUR))
    zones = _zones(at)
    if at <= last + skip + 5 * MINUTE:
        return None
    # Three of four weeks must agree, so that one holiday or outage does not decide.
    if not any(_weeks_that_started(past, last, at, skip, zone) >= 3 for zone in zones):
        return None
    if not any(_three_agree(_first_starts(past, last, skip, zone)) for zone in zones):
        return None
    fits = {zone: _count_matches(past, zone) for zone in zones}
    if max(close for _, close, _ in fits.values()) < 0.65 * max(compared for compared, _, _ in fits.values()):
        return None
    near = max(near for _, _, near in fits.values())
    usual = [_usual_starts(past, last, skip, zone) for zone in zones if fits[zone][2] >= near - 1]
    complete = [entry for entry in usual if entry is not None]
    if len(complete) < len(usual):
        return None
    following = min(entry.following for entry in complete)
    earliest, latest = min(complete, key=lambda entry: entry.third), max(complete, key=lambda entry: entry.third)
    if following > 45 * MINUTE:
        spread = max(entry.spread for entry in complete)
        by = (
            max(earliest.third + min(0.4 * following, 60 * MINUTE), latest.third + min(0.4 * following, 15 * MINUTE))
            + spread
        )
    else:
        by = max(latest.third + 0.4 * following, last + 1.3 * _longest_usual_gap(past))
    return Expectation(at=latest.starts[1], by=by)


def _weeks_that_started(past: Sequence[float], last: float, at: float, skip: float, zone: str) -> int:
    return sum(
        bisect_right(past, weeks_before(at, week, zone) - 5 * MINUTE)
        > bisect_right(past, weeks_before(last, week, zone) + skip)
        for week in WEEKS
    )


def _first_starts(past: Sequence[float], last: float, skip: float, zone: str) -> list[float]:
    """Return the seconds from the same time of each earlier week to the next start, sorted; skip weeks without one."""
    same_times = [weeks_before(last, week, zone) for week in WEEKS]
    positions = [bisect_right(past, same_time + skip) for same_time in same_times]
    return sorted(
        past[position] - same_time
        for position, same_time in zip(positions, same_times, strict=True)
        if position < len(past)
    )


def _three_agree(after: Sequence[float]) -> bool:
    """Return whether three of the sorted values are within two hours."""
    return any(third - first <= 2 * HOUR for first, third in zip(after, after[2:], strict=False))


def _count_matches(past: Sequence[float], zone: str) -> tuple[int, int, int]:
    """Compare recent starts with the same times of earlier weeks; return how many were compared, close, and near.

    A start is near within 30 minutes, and close within the smaller of 30 minutes and a third of the usual gap.
    """
    last = past[-1]
    recent = [start for start in past[-24:] if start >= last - 29 * DAY]
    recent_gaps = _gaps(recent)
    # The last 24 starts, about a day, if they are close together; otherwise the last 12.
    compared_starts = recent[-24:] if _median(_gaps(past[-4:])) <= 2 * HOUR else recent[-12:]
    tolerance = min(30 * MINUTE, _median(recent_gaps) / 3) if recent_gaps else 30 * MINUTE
    compared = close = near = 0
    for start in compared_starts:
        for week in WEEKS:
            same_time = weeks_before(start, week, zone)
            if same_time < last - 36 * DAY:
                continue
            position = bisect_left(past, same_time)
            distance = min(abs(other - same_time) for other in past[max(0, position - 1) : position + 1])
            compared += 1
            close += distance <= tolerance
            near += distance <= 30 * MINUTE
    return compared, close, near


def _usual_starts(past: Sequence[float], last: float, skip: float, zone: str) -> _UsualStarts | None:
    usual_starts = []
    for week in WEEKS:
        same_time = weeks_before(last, week, zone)
        position = bisect_right(past, same_time + skip)
        if position == len(past):
            continue
        start = past[position]
        following = _next(past, start)
        gap = following - start if following is not None else WEEK
        distance_before = abs(same_time - past[position - 1]) if position else WEEK
        distance_after = start - same_time
        nearer = distance_after < distance_before and distance_after <= min(4 * HOUR, gap / 2)
        if following is not None and (nearer or distance_after <= min(30 * MINUTE, gap / 8)):
            # In that week this start corresponds to the last start, only later. So use the start after it.
            start, after = following, _next(past, following)
            gap = after - start if after is not None else WEEK
        usual_starts.append((weeks_before(start, -week, zone), gap))
    if len(usual_starts) < 3:
        return None
    return _UsualStarts(sorted(start for start, _ in usual_starts), _median([gap for _, gap in usual_starts]))


def _longest_usual_gap(past: Sequence[float]) -> float:
    """Return the second longest of the last 99 gaps, without gaps longer than three times the median."""
    recent_gaps = _gaps(past[-100:])
    usual = [gap for gap in sorted(recent_gaps) if gap <= 3 * _median(recent_gaps)]
    return usual[-2] if len(usual) > 1 else usual[-1]


def _by_long_gap(past: Sequence[float], at: float) -> Expectation | None:
    """Return the start that a rhythm of more than a week predicts (a day of the month, or a usual gap), or None."""
    if not past or at - past[-1] <= 8 * DAY:
        return None
    last = past[-1]
    pairs = [(previous, start) for previous, start in pairwise(past[-13:]) if start - previous >= HOUR]
    gaps = [start - previous for previous, start in pairs]
    if len(gaps) < 2 or _median(gaps) < 8 * DAY:
        return None
    if all(abs(month_after(previous) - start) <= 1.5 * DAY for previous, start in pairs[-3:]):
        return Expectation(at=month_after(last), by=month_after(last) + 1.5 * DAY)
    recent = gaps[-6:]
    usual = _median(recent)
    similar_gaps = [gap for gap in recent if abs(gap - usual) <= max(1.5 * DAY, usual / 8)]
    if len(recent) < 4 or 4 * len(similar_gaps) < 3 * len(recent):
        return None
    return Expectation(at=last + usual, by=last + max(similar_gaps) + 1.5 * DAY)


def _by_steady_gap(past: Sequence[float], at: float) -> Expectation | None:
    """Return the start that a regular gap predicts, such as every seven hours, day and night, or None."""
    last_gaps = _gaps(past[-4:])
    if not last_gaps or at <= past[-1] + _median(last_gaps):
        return None
    last = past[-1]
    recent = [start for start in past[-1500:] if start >= last - 15 * DAY]
    gaps = _gaps(recent)
    if len(gaps) < 5 or last - recent[0] < 8 * DAY:
        return None
    usual = _median(gaps)
    similar_gaps = [gap for gap in gaps if abs(gap - usual) <= usual / 4]
    if sum(similar_gaps) < 0.9 * (last - recent[0]):
        return None
    return Expectation(at=last + usual, by=last + max(similar_gaps) + max(0.25 * usual, 10 * MINUTE))


def _next(past: Sequence[float], start: float) -> float | None:
    """Return the next start more than a minute later, or None. Runs that start together count as one start."""
    position = bisect_right(past, start + MINUTE)
    return past[position] if position < len(past) else None


def _gaps(starts: Sequence[float]) -> list[float]:
    return [start - previous for previous, start in pairwise(starts) if start - previous >= MINUTE]


def _median(values: Sequence[float]) -> float:
    """Return the lower one of the two middle values, as percentile_disc(0.5) does."""
    return sorted(values)[(len(values) - 1) // 2]


@lru_cache(maxsize=100_000)
def weeks_before(moment: float, weeks: int, zone: str) -> float:
    """Return the same local time some weeks before; a skipped or repeated hour counts as standard time."""
    if zone == "UTC":
        return moment - weeks * WEEK
    zone_info = _zone(zone)
    local = datetime.fromtimestamp(moment, zone_info).replace(tzinfo=None) - timedelta(weeks=weeks)
    offset = min(local.replace(tzinfo=zone_info, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    return (local - offset).replace(tzinfo=UTC).timestamp()


def _zones(at: float) -> tuple[str, ...]:
    """Return UTC and the zones whose clocks changed within the compared weeks."""
    return tuple(
        zone
        for zone in ZONES
        if zone == "UTC" or any(_offset(at, zone) != _offset(at - week * WEEK, zone) for week in range(1, 6))
    )


def _offset(moment: float, zone: str) -> timedelta | None:
    return datetime.fromtimestamp(moment, _zone(zone)).utcoffset()


@lru_cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def month_after(moment: float) -> float:
    """Return the same time one month later, or the month's last day if it has no such day.

    The calendar is also read half a day earlier and later, because the zone is unknown; the latest result is used.
    """
    later = []
    for shift in (-12, 0, 12):
        day = datetime.fromtimestamp(moment, UTC) + timedelta(hours=shift)
        year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
        first = day.replace(year=year, month=month, day=1)
        following = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
        last_day = (following - timedelta(days=1)).day
        later.append((first.replace(day=min(day.day, last_day)) - timedelta(hours=shift)).timestamp())
    return max(later)
