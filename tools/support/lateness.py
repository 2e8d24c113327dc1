"""The rule for late pipelines in Python. A test compares its results with those of the shape late_pipelines.

All times are seconds since 1970. Decision 0016 explains the rule with examples.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
WEEKS = (1, 2, 3, 4)
# One zone for each group of zones whose clocks change on the same dates. UTC stands for zones without clock changes.
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Sydney")


@dataclass(frozen=True, slots=True)
class Expectation:
    """A start that is expected at `expected_at`. If it has not happened by `expected_by`, the pipeline is late."""

    expected_at: float
    expected_by: float


@dataclass(frozen=True, slots=True)
class _UsualStarts:
    """The predictions of earlier weeks, read in one time zone.

    Each earlier week predicts a time of the next start. `next_starts` has these times, sorted. `gap_after` is the
    median time from the predicted start to the start after it.
    """

    next_starts: list[float]
    gap_after: float

    @property
    def third_start(self) -> float:
        """Return the third prediction. Three of the four weeks predict that the next start happens by this time."""
        return self.next_starts[2]

    @property
    def spread(self) -> float:
        """Return the shortest range of time that contains three of the predicted starts."""
        return min(third - first for first, third in zip(self.next_starts, self.next_starts[2:], strict=False))


def late(starts: Sequence[float], moment: float) -> Expectation | None:
    """If the pipeline is late at this moment, return the start that was expected and is missing. Otherwise return None.

    `starts` must be sorted.
    """
    past = starts[: bisect_right(starts, moment)]
    expected = _by_time_of_week(past, moment) or _by_long_gap(past, moment) or _by_steady_gap(past, moment)
    return expected if expected is not None and expected.expected_by < moment else None


def _by_time_of_week(past: Sequence[float], moment: float) -> Expectation | None:
    """Return the next start, if at least three of the four previous weeks predict one. Otherwise return None."""
    recent_gaps = _gaps(past[-4:])
    if len(past) < 4 or not recent_gaps:
        return None
    last_start = past[-1]
    gap = _median(recent_gaps)
    # Example: the last start was on Monday at 06:00. A start on an earlier Monday at 06:05 corresponds to this start,
    # so it is not the next start. The next start must be more than `skipped_seconds` after 06:00 on that Monday.
    skipped_seconds = max(min(0.75 * gap, 25 * MINUTE), min(0.4 * gap, 2 * HOUR))
    zones = _compared_zones(moment)
    if moment <= last_start + skipped_seconds + 5 * MINUTE:
        return None
    # Three of the four weeks must agree. So one week with a holiday or an outage does not change the result.
    if not any(_weeks_that_started(past, last_start, moment, skipped_seconds, zone) >= 3 for zone in zones):
        return None
    if not any(_three_agree(_first_starts(past, last_start, skipped_seconds, zone)) for zone in zones):
        return None
    matches = {zone: _count_matches(past, zone) for zone in zones}
    # Rule 3: at least 65 % of the comparisons must match in one zone.
    if max(match_counts.close for match_counts in matches.values()) < 0.65 * max(
        match_counts.compared for match_counts in matches.values()
    ):
        return None
    most_near = max(match_counts.near for match_counts in matches.values())
    fitting_zones = [zone for zone in zones if matches[zone].near >= most_near - 1]
    predictions = [
        usual for zone in fitting_zones if (usual := _usual_starts(past, last_start, skipped_seconds, zone)) is not None
    ]
    if len(predictions) < len(fitting_zones):
        return None
    gap_after = min(usual.gap_after for usual in predictions)
    earliest = min(predictions, key=lambda usual: usual.third_start)
    latest = max(predictions, key=lambda usual: usual.third_start)
    if gap_after > 45 * MINUTE:
        spread = max(usual.spread for usual in predictions)
        expected_by = (
            max(
                earliest.third_start + min(0.4 * gap_after, 60 * MINUTE),
                latest.third_start + min(0.4 * gap_after, 15 * MINUTE),
            )
            + spread
        )
    else:
        expected_by = max(latest.third_start + 0.4 * gap_after, last_start + 1.3 * _second_longest_gap(past))
    return Expectation(expected_at=latest.next_starts[1], expected_by=expected_by)


def _weeks_that_started(
    past: Sequence[float], last_start: float, moment: float, skipped_seconds: float, zone: str
) -> int:
    """Return in how many of the earlier weeks the next start had happened by the weekday and time of `moment`."""
    return sum(
        bisect_right(past, weeks_before(moment, week, zone) - 5 * MINUTE)
        > bisect_right(past, weeks_before(last_start, week, zone) + skipped_seconds)
        for week in WEEKS
    )


def _first_starts(past: Sequence[float], last_start: float, skipped_seconds: float, zone: str) -> list[float]:
    """Return for each earlier week the seconds from the last start's weekday and time to the next start, sorted.

    Example: the last start was on Monday at 06:00. If the next start of an earlier week was on Monday at 07:00, the
    value of this week is 3,600. Omit weeks without a next start.
    """
    same_times = [weeks_before(last_start, week, zone) for week in WEEKS]
    positions = [bisect_right(past, same_time + skipped_seconds) for same_time in same_times]
    return sorted(
        past[position] - same_time
        for position, same_time in zip(positions, same_times, strict=True)
        if position < len(past)
    )


def _three_agree(seconds_after: Sequence[float]) -> bool:
    """Return whether three of the sorted values differ by at most two hours."""
    return any(third - first <= 2 * HOUR for first, third in zip(seconds_after, seconds_after[2:], strict=False))


class _Matches(NamedTuple):
    """How well recent starts match the same times of earlier weeks.

    `compared` counts the compared times, for example "06:00 on the Monday before". `near` counts the times with a start
    within 30 minutes. `close` counts the times with a start within 30 minutes and within a third of the median gap
    between the recent starts.
    """

    compared: int
    close: int
    near: int


def _count_matches(past: Sequence[float], zone: str) -> _Matches:
    """Compare recent starts with the same times of earlier weeks."""
    last_start = past[-1]
    recent = [start for start in past[-24:] if start >= last_start - 29 * DAY]
    recent_gaps = _gaps(recent)
    # Compare the last 24 starts if the recent gap is at most two hours. Otherwise compare the last 12 starts.
    compared_starts = recent[-24:] if _median(_gaps(past[-4:])) <= 2 * HOUR else recent[-12:]
    tolerance = min(30 * MINUTE, _median(recent_gaps) / 3) if recent_gaps else 30 * MINUTE
    compared = close = near = 0
    for start in compared_starts:
        for week in WEEKS:
            same_time = weeks_before(start, week, zone)
            if same_time < last_start - 36 * DAY:
                continue
            position = bisect_left(past, same_time)
            distance = min(abs(other - same_time) for other in past[max(0, position - 1) : position + 1])
            compared += 1
            close += distance <= tolerance
            near += distance <= 30 * MINUTE
    return _Matches(compared, close, near)


def _usual_starts(past: Sequence[float], last_start: float, skipped_seconds: float, zone: str) -> _UsualStarts | None:
    """Return the next starts that the earlier weeks predict, or None if fewer than three weeks predict a start."""
    starts_and_gaps = []
    for week in WEEKS:
        same_time = weeks_before(last_start, week, zone)
        position = bisect_right(past, same_time + skipped_seconds)
        if position == len(past):
            continue
        start = past[position]
        following_start = _next_start(past, start)
        gap = following_start - start if following_start is not None else WEEK
        distance_before = abs(same_time - past[position - 1]) if position else WEEK
        distance_after = start - same_time
        is_nearer = distance_after < distance_before and distance_after <= min(4 * HOUR, gap / 2)
        if following_start is not None and (is_nearer or distance_after <= min(30 * MINUTE, gap / 8)):
            # In that week, this start corresponds to the last start, but it was later. So use the following start.
            start, start_after = following_start, _next_start(past, following_start)
            gap = start_after - start if start_after is not None else WEEK
        # The same local time `week` weeks later.
        starts_and_gaps.append((weeks_before(start, -week, zone), gap))
    if len(starts_and_gaps) < 3:
        return None
    return _UsualStarts(sorted(start for start, _ in starts_and_gaps), _median([gap for _, gap in starts_and_gaps]))


def _second_longest_gap(past: Sequence[float]) -> float:
    """Return the second longest of the last 99 gaps. First leave out gaps longer than three times the median."""
    recent_gaps = _gaps(past[-100:])
    usual_gaps = [gap for gap in sorted(recent_gaps) if gap <= 3 * _median(recent_gaps)]
    return usual_gaps[-2] if len(usual_gaps) > 1 else usual_gaps[-1]


def _by_long_gap(past: Sequence[float], moment: float) -> Expectation | None:
    """Return the next start of a rhythm that is longer than a week, or None if there is no such rhythm.

    The rhythm is a day of the month, or a median gap of at least 8 days.
    """
    if not past or moment - past[-1] <= 8 * DAY:
        return None
    last_start = past[-1]
    pairs = [(previous, start) for previous, start in pairwise(past[-13:]) if start - previous >= HOUR]
    gaps = [start - previous for previous, start in pairs]
    if len(gaps) < 2 or _median(gaps) < 8 * DAY:
        return None
    if all(abs(month_after(previous) - start) <= 1.5 * DAY for previous, start in pairs[-3:]):
        return Expectation(expected_at=month_after(last_start), expected_by=month_after(last_start) + 1.5 * DAY)
    recent = gaps[-6:]
    usual_gap = _median(recent)
    similar_gaps = [gap for gap in recent if abs(gap - usual_gap) <= max(1.5 * DAY, usual_gap / 8)]
    if len(recent) < 4 or 4 * len(similar_gaps) < 3 * len(recent):
        return None
    return Expectation(expected_at=last_start + usual_gap, expected_by=last_start + max(similar_gaps) + 1.5 * DAY)


def _by_steady_gap(past: Sequence[float], moment: float) -> Expectation | None:
    """Return the next start of a pipeline that starts at equal intervals, such as five hours. Otherwise return None."""
    last_gaps = _gaps(past[-4:])
    if not last_gaps or moment <= past[-1] + _median(last_gaps):
        return None
    last_start = past[-1]
    recent = [start for start in past[-1500:] if start >= last_start - 15 * DAY]
    gaps = _gaps(recent)
    if len(gaps) < 5 or last_start - recent[0] < 8 * DAY:
        return None
    usual_gap = _median(gaps)
    similar_gaps = [gap for gap in gaps if abs(gap - usual_gap) <= usual_gap / 4]
    if sum(similar_gaps) < 0.9 * (last_start - recent[0]):
        return None
    return Expectation(
        expected_at=last_start + usual_gap,
        expected_by=last_start + max(similar_gaps) + max(0.25 * usual_gap, 10 * MINUTE),
    )


def _next_start(past: Sequence[float], start: float) -> float | None:
    """Return the next start that is more than a minute later, or None.

    Starts within a minute count as one start.
    """
    position = bisect_right(past, start + MINUTE)
    return past[position] if position < len(past) else None


def _gaps(starts: Sequence[float]) -> list[float]:
    return [start - previous for previous, start in pairwise(starts) if start - previous >= MINUTE]


def _median(values: Sequence[float]) -> float:
    """Return the median. For an even number of values, it is the lower of the two middle values.

    PostgreSQL's percentile_disc(0.5) gives the same result.
    """
    return sorted(values)[(len(values) - 1) // 2]


@lru_cache(maxsize=100_000)
def weeks_before(moment: float, weeks: int, zone: str) -> float:
    """Return the time that is `weeks` weeks earlier and has the same local time.

    If this local time does not exist or exists twice because clocks changed, read it as standard time.
    """
    if zone == "UTC":
        return moment - weeks * WEEK
    zone_info = _zone_info(zone)
    local = datetime.fromtimestamp(moment, zone_info).replace(tzinfo=None) - timedelta(weeks=weeks)
    offset = min(local.replace(tzinfo=zone_info, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    return (local - offset).replace(tzinfo=UTC).timestamp()


def _compared_zones(moment: float) -> tuple[str, ...]:
    """Return UTC, and the zones whose clocks changed in the last five weeks."""
    return tuple(
        zone
        for zone in ZONES
        if zone == "UTC" or any(_offset(moment, zone) != _offset(moment - week * WEEK, zone) for week in range(1, 6))
    )


def _offset(moment: float, zone: str) -> timedelta | None:
    return datetime.fromtimestamp(moment, _zone_info(zone)).utcoffset()


@lru_cache
def _zone_info(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def month_after(moment: float) -> float:
    """Return the same time one month later. If the next month has no such day, use its last day.

    The pipeline's zone is unknown, so its date can differ from the date in UTC. Compute the time for three zones (12
    hours behind UTC, UTC, 12 hours ahead of UTC), and return the latest of the three times.
    """
    results = []
    for shift in (-12, 0, 12):
        day = datetime.fromtimestamp(moment, UTC) + timedelta(hours=shift)
        year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
        first_of_month = day.replace(year=year, month=month, day=1)
        next_month = (first_of_month.replace(day=28) + timedelta(days=4)).replace(day=1)
        last_day = (next_month - timedelta(days=1)).day
        results.append((first_of_month.replace(day=min(day.day, last_day)) - timedelta(hours=shift)).timestamp())
    return max(results)
