"""The report of a client over a period: the same numbers for its page, its CSV files and its HTML file."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import fmean
from typing import Any

from django.db.models import QuerySet
from django.utils.safestring import SafeString

from alerting.models import AlertRule
from alerting.services import firing_rules
from chm_project.console.drawing.charts import Bar, draw_bars, draw_rates, spread_labels, success_point
from chm_project.console.drawing.text_format import day_and_month
from chm_project.console.pages.run_links import client_runs_url
from inventory.models import Client
from runs.reporting.run_shapes import Row, run_shape

PERIOD_DAYS = (7, 30, 90)
DEFAULT_DAYS = 30
MONTHS_OFFERED = 12
MAX_RULES, MAX_LISTED_PIPELINES = 50, 10
# The largest limit of the shape top_flaky_pipelines. If more pipelines have failures, the report and its CSV omit them.
MAX_FLAKY_ROWS = 1000
_MONTH = re.compile(r"(\d{4})-(\d\d)")


class UnknownPeriod(ValueError):
    """The text is not the key of a period that has begun."""


@dataclass(frozen=True, slots=True)
class Period:
    """Whole UTC days from `since` to `until`. The last day may still be in progress."""

    key: str
    name: str
    since: datetime
    until: datetime
    is_over: bool

    @property
    def dates(self) -> str:
        """Return the first and the last day as text."""
        first_day, last_day = self.days[0], self.days[-1]
        end_text = f"{last_day.day} {last_day:%B %Y}" if self.is_over else f"{self.until.day} {self.until:%B %Y, %H:%M}"
        return f"{first_day.day} {first_day:%B %Y} to {end_text} UTC"

    @property
    def days(self) -> list[date]:
        # The period excludes `until`. If `until` is midnight, the last day is the day before it.
        first_day, last_day = self.since.date(), (self.until - timedelta(microseconds=1)).date()
        return [first_day + timedelta(days=number) for number in range((last_day - first_day).days + 1)]


def period_of(text: str, now: datetime) -> Period:
    """Return the period for "7d", "30d", "90d" or a month such as "2026-10"; raise UnknownPeriod for other texts."""
    now = now.astimezone(UTC)
    if text in {f"{days}d" for days in PERIOD_DAYS}:
        days = int(text[:-1])
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return Period(text, f"last {days} days", midnight - timedelta(days=days - 1), now, is_over=False)
    match = _MONTH.fullmatch(text)
    try:
        # If the text is not a month, `since` is now, so the check below refuses the text.
        since = datetime(int(match[1]), int(match[2]), 1, tzinfo=UTC) if match else now
        end = (since + timedelta(days=31)).replace(day=1)
    except (ValueError, OverflowError):
        raise UnknownPeriod(f"{text} is not a month.") from None
    if since >= now:
        raise UnknownPeriod(f"{text} is not 7d, 30d, 90d or a month that has begun, such as {now:%Y-%m}.")
    return Period(text, f"{since:%B %Y}", since, min(end, now), is_over=end <= now)


def period_choices(now: datetime) -> list[tuple[str, str]]:
    """Return key and name of each period that the page offers: the last days, then months, newest first."""
    month, months = now.astimezone(UTC).replace(day=1), []
    for _ in range(MONTHS_OFFERED):
        months.append((f"{month:%Y-%m}", f"{month:%B %Y}"))
        month = (month - timedelta(days=1)).replace(day=1)
    return [(f"{days}d", f"Last {days} days") for days in PERIOD_DAYS] + months


@dataclass(frozen=True, slots=True)
class ClientReport:
    """The report of a client. Each list of rows comes from a shape. `streaks` is sorted by `began_at`, newest first.

    `failing`, `most_failures` and `most_flips` contain only active pipelines.
    """

    client: Client
    period: Period
    has_active_pipelines: bool
    daily_success: list[Row]
    streaks: list[Row]
    failing: list[Row]
    most_failures: list[Row]
    most_flips: list[Row]
    # The client's first MAX_RULES rules. `rule_count` is the number of all its rules.
    rules: list[dict[str, Any]]
    rule_count: int
    success_chart: SafeString
    failures_chart: SafeString

    @property
    def run_count(self) -> int:
        return sum(row["runs"] for row in self.daily_success)

    @property
    def success_count(self) -> int:
        return sum(row["success"] for row in self.daily_success)

    @property
    def failed_count(self) -> int:
        return sum(row["failed"] for row in self.daily_success)

    @property
    def success_rate(self) -> float | None:
        return self.success_count / self.run_count if self.run_count else None

    @property
    def recovery_times(self) -> list[timedelta]:
        """Return the length of each streak that began and ended within the period."""
        return [
            row["recovered_at"] - row["began_at"]
            for row in self.streaks
            if row["recovered_at"] and row["began_at"] >= self.period.since
        ]

    @property
    def mean_recovery_seconds(self) -> float | None:
        return fmean(each.total_seconds() for each in self.recovery_times) if self.recovery_times else None

    @property
    def not_recovered_count(self) -> int:
        return sum(row["recovered_at"] is None for row in self.streaks)

    @property
    def max_failed_per_day(self) -> int:
        return max((row["failed"] for row in self.daily_success), default=0)


def read_report(client: Client, period: Period, *, linked: bool = True) -> ClientReport:
    """Read the report. With `linked`, the points and bars of the charts link to their runs."""
    daily_success, flaky = read_daily_success(client, period), read_flaky_pipelines(client, period)
    by_failures = sorted(flaky, key=lambda row: (-row["failure_count"], -row["failure_rate"], row["pipeline_name"]))
    rules = _rules(client)
    shown_rules = list(rules[:MAX_RULES])
    by_flips = sorted(flaky, key=lambda row: (-row["flips"], -row["failure_count"], row["pipeline_name"]))
    return ClientReport(
        client, period,
        has_active_pipelines=client.is_active and client.pipelines.filter(is_active=True).exists(),
        daily_success=daily_success,
        streaks=read_streaks(client, period),
        failing=_failing(client, period),
        most_failures=by_failures[:MAX_LISTED_PIPELINES],
        most_flips=[row for row in by_flips if row["flips"]][:MAX_LISTED_PIPELINES],
        rules=_rule_rows(shown_rules, period),
        rule_count=rules.count() if len(shown_rules) == MAX_RULES else len(shown_rules),
        success_chart=_success_chart(client, period, daily_success, linked=linked),
        failures_chart=_failures_chart(client, period, daily_success, linked=linked),
    )  # fmt: skip


def read_daily_success(client: Client, period: Period) -> list[Row]:
    return run_shape("daily_success", client_id=client.pk, since=period.since, until=period.until)


def read_streaks(client: Client, period: Period) -> list[Row]:
    # Read all streaks, because the mean time to recovery is computed from them.
    return run_shape("failure_streaks", client_id=client.pk, since=period.since, until=period.until, has_limit=False)


def read_flaky_pipelines(client: Client, period: Period) -> list[Row]:
    return run_shape(
        "top_flaky_pipelines", client_id=client.pk, since=period.since, as_of=period.until, limit=MAX_FLAKY_ROWS
    )


def _failing(client: Client, period: Period) -> list[Row]:
    """Return the pipelines that fail at the end of the period, or now if the period is not over."""
    as_of = period.until if period.is_over else None
    return run_shape("failing_now", now=period.until, client_id=client.pk, as_of=as_of)


def _rules(client: Client) -> QuerySet[Any]:
    """Return the rules that the client owns. If a rule has a pipeline, the pipeline's client owns it."""
    owned: QuerySet[Any] = AlertRule.objects.with_owning_client_id()
    return owned.filter(owning_client_id=client.pk).select_related("pipeline")


def _rule_rows(rules: Iterable[AlertRule], period: Period) -> list[dict[str, Any]]:
    firing = firing_rules(period.until if period.is_over else None, now=period.until)
    return [{"rule": rule, "is_firing": rule.pk in firing} for rule in rules]


def _success_chart(client: Client, period: Period, daily_success: list[Row], *, linked: bool) -> SafeString:
    row_by_day = {row["day"]: row for row in daily_success}
    points = [
        success_point(day, row_by_day.get(day), client_runs_url(client.pk, day) if linked else "")
        for day in period.days
    ]
    dates = spread_labels([day_and_month(day) for day in period.days])
    return draw_rates(points, label="Share of successful runs per day", dates=dates)


def _failures_chart(client: Client, period: Period, daily_success: list[Row], *, linked: bool) -> SafeString:
    failed_count_by_day = {row["day"]: row["failed"] for row in daily_success}
    bars = []
    for day in period.days:
        failed_count = failed_count_by_day.get(day, 0)
        url = client_runs_url(client.pk, day, status="failed") if linked and failed_count else ""
        bars.append(Bar(f"{day:%a} {day_and_month(day)}: {failed_count:,} failed", failed_count, url=url))
    dates = spread_labels([day_and_month(day) for day in period.days])
    return draw_bars(bars, label="Failed runs per day", dates=dates)


# The tables that the page offers as CSV: for each, its columns and the function that reads its rows.
TABLES: dict[str, tuple[tuple[str, ...], Callable[[Client, Period], list[Row]]]] = {
    "days": (("day", "runs", "success", "failed", "success_rate"), read_daily_success),
    # The report calls streaks incidents (decision 0035).
    "incidents": (
        ("pipeline_name", "platform", "began_at", "recovered_at", "failed_runs", "error_message", "pipeline_id",
         "run_id"),
        read_streaks,
    ),
    "pipelines": (
        ("pipeline_name", "platform", "failure_count", "total_runs", "failure_rate", "flips", "kind", "pipeline_id"),
        read_flaky_pipelines,
    ),
}  # fmt: skip
