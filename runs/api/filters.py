from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import TextChoices, Value
from django.db.models.lookups import Exact
from django.utils import timezone

from chm_project.api.filter_bases import FilterSet
from chm_project.api.filters import IdsFilter, OneChoiceFilter, SeveralChoicesFilter, TextFilter, TimeFilter
from chm_project.api.times import window_problems
from inventory.models import Environment, Platform
from runs.models import ID_IN_BYTE_ORDER, Run, RunQuerySet, Status
from runs.run_querysets import in_window

# No index serves the search for a text within error messages. So a search reads all failed runs of its window, which
# can be at most this long.
MAX_TEXT_SEARCH = timedelta(days=31)


class Order(TextChoices):
    DESC = "desc", "Latest first"
    ASC = "asc", "Earliest first"


class RunFilterBase(FilterSet):
    """Filters that the list of one pipeline's runs and the list of all runs have in common."""

    status = SeveralChoicesFilter(Status, help_text="Only runs with these statuses.")
    external_run_id = TextFilter(
        method="with_external_run_id", max_length=255, help_text="Only runs with exactly this id at the source."
    )
    search = TextFilter(
        method="with_id_prefix", max_length=255, help_text="Only runs whose id at the source begins with this text."
    )

    # The parameters that begin and end a window. conflicts() refuses the wrong order, which would return an empty list.
    windows: tuple[tuple[str, str], ...] = (("since", "until"),)

    class Meta:
        model = Run
        fields: list[str] = []

    def is_valid(self) -> bool:
        # Check combinations of parameters here, because a field of a form validates only its own value.
        valid = bool(super().is_valid())
        for name, problem in self.conflicts():
            self.form.add_error(name, problem)
            valid = False
        return valid

    def conflicts(self) -> list[tuple[str, str]]:
        """Return the parameters that cannot be combined, each with a message."""
        values = self.form.cleaned_data
        conflicts: list[tuple[str, str]] = []
        for start, end in self.windows:
            if values.get(start) is not None and values.get(end) is not None:
                conflicts += window_problems(values[start], values[end], start, end).items()
        return conflicts

    def with_external_run_id(self, runs: RunQuerySet, name: str, value: str) -> RunQuerySet:
        # PostgreSQL uses the index runs_by_external_id only for a comparison in the collation of the index.
        return runs.filter(Exact(ID_IN_BYTE_ORDER, Value(value)))

    def with_id_prefix(self, runs: RunQuerySet, name: str, value: str) -> RunQuerySet:
        return runs.alias(searched=ID_IN_BYTE_ORDER).filter(searched__startswith=value)


class PipelineRunFilter(RunFilterBase):
    """Filters of the runs of one pipeline. `since` and `until` compare started_at."""

    windows = (("since", "until"), ("event_since", "event_until"))

    since = TimeFilter(
        method="started_since",
        help_text="Only runs that started at or after this time. For a run without a start, `event_at` counts.",
    )
    until = TimeFilter(
        method="started_until",
        help_text="Only runs that started before this time. For a run without a start, `event_at` counts.",
    )
    event_since = TimeFilter(
        field_name="event_at", lookup_expr="gte", help_text="Only runs whose `event_at` is this time or later."
    )
    event_until = TimeFilter(
        field_name="event_at", lookup_expr="lt", help_text="Only runs whose `event_at` is before this time."
    )
    # This parameter is not a filter: the view sorts by it. It is declared here, so that it is validated and described
    # like the filters.
    order = OneChoiceFilter(
        Order,
        method="unfiltered",
        help_text="Deprecated: use `ordering`. `desc` lists the latest run first, `asc` the earliest. Default: `desc`.",
    )

    def with_external_run_id(self, runs: RunQuerySet, name: str, value: str) -> RunQuerySet:
        # The list has only runs of one pipeline, so the unique index of pipeline and external_run_id serves this
        # filter.
        return runs.filter(external_run_id=value)

    def started_since(self, runs: RunQuerySet, name: str, value: datetime) -> RunQuerySet:
        return in_window(runs, since=value)

    def started_until(self, runs: RunQuerySet, name: str, value: datetime) -> RunQuerySet:
        return in_window(runs, until=value)

    def unfiltered(self, runs: RunQuerySet, name: str, value: str) -> RunQuerySet:
        return runs


class RunFilter(RunFilterBase):
    """Filters of the runs of all pipelines. `since` and `until` compare event_at."""

    client_id = IdsFilter(field_name="pipeline__client_id", help_text="Only runs of the pipelines of these clients.")
    pipeline_id = IdsFilter(field_name="pipeline_id", help_text="Only runs of these pipelines.")
    platform = SeveralChoicesFilter(
        Platform, field_name="pipeline__platform", help_text="Only runs on these platforms."
    )
    environment = SeveralChoicesFilter(
        Environment, field_name="pipeline__environment", help_text="Only runs in these environments."
    )
    since = TimeFilter(
        field_name="event_at", lookup_expr="gte", help_text="Only runs whose `event_at` is this time or later."
    )
    until = TimeFilter(
        field_name="event_at", lookup_expr="lt", help_text="Only runs whose `event_at` is before this time."
    )
    q = TextFilter(
        method="with_error_text",
        min_length=2,
        max_length=200,
        help_text="Only failed runs whose error text contains this text; upper and lower case are the same. `since` "
        f"and `until` can be at most {MAX_TEXT_SEARCH.days} days apart. Without `since`, the search starts "
        f"{MAX_TEXT_SEARCH.days} days before `until`; without both, {MAX_TEXT_SEARCH.days} days ago.",
    )

    def with_error_text(self, runs: RunQuerySet, name: str, value: str) -> RunQuerySet:
        since = self.form.cleaned_data["since"]
        if since is None:
            runs = runs.filter(event_at__gte=_search_start(self.form.cleaned_data["until"]))
        # Search only failed runs, because the partial index runs_failed finds them by time.
        return runs.filter(status=Status.FAILED, error_message__icontains=value)

    def conflicts(self) -> list[tuple[str, str]]:
        values: dict[str, Any] = self.form.cleaned_data
        conflicts = super().conflicts()
        if not values.get("q"):
            return conflicts
        if (chosen := values.get("status")) and Status.FAILED not in chosen:
            conflicts.append(("status", "q searches failed runs: omit status, or include failed."))
        until = values.get("until") or timezone.now()
        if (since := values.get("since")) is not None and until - since > MAX_TEXT_SEARCH:
            conflicts.append(("since", f"With q, search at most {MAX_TEXT_SEARCH.days} days at once."))
        return conflicts


def _search_start(until: datetime | None) -> datetime:
    try:
        return (until or timezone.now()) - MAX_TEXT_SEARCH
    except OverflowError:
        raise ValidationError({"until": ["Give a time after the year 1."]}) from None
