"""Windows of planned maintenance, weekly or dated, in the local time of a time zone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


# Weekly windows exist only between these days. The days before and after them may be outside of Python's calendar.
FIRST_DAY, LAST_DAY = datetime(1, 1, 10, tzinfo=UTC), datetime(9999, 12, 20, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class WindowSpan:
    """The time from `since` (inclusive) until `until` (exclusive)."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class WeeklyWindow:
    """A window that starts on these days of each week (0 is Monday).

    If `end` is not after `start`, the window ends on the next day.
    """

    days: frozenset[int]
    start: time
    end: time
    zone: ZoneInfo

    def span_at(self, moment: datetime) -> WindowSpan | None:
        """Return the span of the window that contains the moment, or None.

        If two spans contain the moment, return the later span.
        """
        # A faulty source can return runs of the year 1 or 9999.
        if not FIRST_DAY < moment < LAST_DAY:
            return None
        today = moment.astimezone(self.zone).date()
        # A window may have started yesterday. A clock change may move its start to the day before or after. So check
        # the windows of three days.
        for day in (today + timedelta(days=1), today, today - timedelta(days=1)):
            if day.weekday() in self.days:
                span = self._span_of(day)
                if span.since <= moment < span.until:
                    return span
        return None

    def _span_of(self, day: date) -> WindowSpan:
        end_day = day if self.end > self.start else day + timedelta(days=1)
        return WindowSpan(first_moment(datetime.combine(day, self.start), self.zone),
                    last_moment(datetime.combine(end_day, self.end), self.zone))  # fmt: skip


@dataclass(frozen=True, slots=True)
class DatedWindow:
    span: WindowSpan

    def span_at(self, moment: datetime) -> WindowSpan | None:
        return self.span if self.span.since <= moment < self.span.until else None


MaintenanceWindow = WeeklyWindow | DatedWindow


def first_moment(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment with this local time.

    If a clock change skips the time, it moves forward. Example: in Berlin in March, clocks change from 2:00 to 3:00,
    and 2:30 becomes 3:30.
    """
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def last_moment(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the last moment with this local time, so that a window includes both occurrences of a repeated hour."""
    return max(local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def covered_until(windows: Iterable[MaintenanceWindow], since: datetime, until: datetime) -> datetime | None:
    """Return the end of the windows that together cover the time from `since` to `until`; None if there is a gap.

    Example: windows from 1:00 to 2:00 and from 2:00 to 4:00 cover the time from 1:30 to 3:00. The result is 4:00.
    """
    all_windows, covered_to = list(windows), since
    while spans := [span for window in all_windows if (span := window.span_at(covered_to))]:
        covered_to = max(span.until for span in spans)
        if covered_to > until:
            return covered_to
    return None
