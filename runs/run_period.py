"""The filter by time of the list of runs: by a named period, or by two times in the user's time zone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from chm_project.admin_kit.local_times import evening_before, parse_local_time, zone_named

PERIOD_PARAMETERS = ("period", "since", "until", "zone")
# The value of datetime.weekday() on a Friday.
FRIDAY = 4
# The name of the period for which the user enters a start and an end.
CUSTOM_PERIOD = "custom"
PERIODS = {
    "1h": "last hour",
    "6h": "last 6 hours",
    "24h": "last 24 hours",
    "yesterday": "since yesterday 18:00",
    "friday": "since Friday 18:00",
    "7d": "last 7 days",
    "30d": "last 30 days",
    CUSTOM_PERIOD: "from … until …",
}


class PeriodFilter(admin.FieldListFilter):
    """A filter by event_at, the time at which a run happened. `since` is inclusive, `until` exclusive."""

    def __init__(self, field: Any, request: HttpRequest, params: Any, model: Any, model_admin: Any, field_path: str):
        values = {name: params[name][-1] for name in PERIOD_PARAMETERS if name in params}
        super().__init__(field, request, params, model, model_admin, field_path)
        self.title = "time"
        try:
            self.zone = zone_named(values.get("zone", ""))
            self.period = values.get("period", "")
            self.since, self.until = self._range(values, timezone.now())
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters from error

    def expected_parameters(self) -> list[str | None]:
        return list(PERIOD_PARAMETERS)

    # Django ignores a filter that has no output.
    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Return no choices. The form above the list shows the periods instead."""
        return iter(())

    def _range(self, values: dict[str, str], now: datetime) -> tuple[datetime | None, datetime | None]:
        since, until = (parse_local_time(values.get(name, ""), self.zone) for name in ("since", "until"))
        if not self.period and (since or until):
            self.period = CUSTOM_PERIOD
        if self.period == CUSTOM_PERIOD:
            if since and until and since >= until:
                raise ValueError("The range must end after it begins.")
            return since, until
        return start_of_period(self.period, now.astimezone(self.zone)), None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.since:
            queryset = queryset.filter(event_at__gte=self.since)
        if self.until:
            queryset = queryset.filter(event_at__lt=self.until)
        return queryset

    def in_words(self) -> str:
        """Return the range as the text of the active filter above the list."""
        ends = (("from", self.since_value), ("until", self.until_value))
        return " ".join(f"{word} {value.replace('T', ' ')}" for word, value in ends if value) or "all time"

    @property
    def since_value(self) -> str:
        return _input_value(self.since, self.zone) if self.period == CUSTOM_PERIOD else ""

    @property
    def until_value(self) -> str:
        return _input_value(self.until, self.zone)


def start_of_period(period: str, now: datetime) -> datetime | None:
    """Return the start of a named period in the time zone of `now`; None for the empty name, which is all time.

    Raise ValueError for an unknown name.
    """
    match period:
        case "":
            return None
        case "1h" | "6h" | "24h":
            # Subtract in UTC, because a local day on which clocks change has 23 or 25 hours.
            return now.astimezone(UTC) - timedelta(hours=int(period[:-1]))
        case "7d" | "30d":
            return now.astimezone(UTC) - timedelta(days=int(period[:-1]))
        case "yesterday":
            return evening_before(now, 1)
        case "friday":
            # On a Friday before 18:00, the period begins on the Friday a week ago.
            evenings = (evening_before(now, days_ago) for days_ago in range(8))
            return next(moment for moment in evenings if moment.weekday() == FRIDAY and moment <= now)
        case _:
            raise ValueError(f"There is no period {period!r}.")


def _input_value(moment: datetime | None, zone: ZoneInfo) -> str:
    """Return the time as the value of an input of the type datetime-local; empty for None."""
    return "" if moment is None else f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}"
