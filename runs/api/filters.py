from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import TextChoices, Value
from django.db.models.lookups import Exact
from django.utils import timezone

from chm_project.api.bases import FilterSet
from chm_project.api.filters import IdsFilter, TextFilter, TimeFilter, WordFilter, WordsFilter
from inventory.models import Environment, Platform
from runs.latest import in_window
from runs.models import SEARCHED_ID, Run, RunQuerySet, Status

MAX_TEXT_SEARCH = timedelta(days=31)


class Order(TextChoices):
    DESC = "desc", "Latest first"
    ASC = "asc", "The exact reverse"


class SearchedRuns(FilterSet):
    """Filters of both lists of runs."""

    status = WordsFilter(Status, help_text="The status.")
    external_run_id = TextFilter(method="by_own_id", max_length=255, help_text="The exact id at the source.")
    search = TextFilter(method="beginning", max_length=255, help_text="The beginning of the id at the source.")

    class Meta:
        model = Run
        fields: list[str] = []

    def by_own_id(self, runs: RunQuerySet, name: str, value: str) -> RunQuerySet:
        # In the collation of the index runs_by_external_id.
        return runs.filter(Exact(SEARCHED_ID, Value(value)))

    def beginning(self, runs: RunQuerySet, name: str, value: str) -> RunQuerySet:
        return runs.alias(searched=SEARCHED_ID).filter(searched__startswith=value)


class PipelineRunFilter(SearchedRuns):
    """Runs of one pipeline; since and until are on started_at."""

    since = TimeFilter(
        method="from_since", help_text="Runs with started_at at or after this time; without a start, event_at."
    )
    until = TimeFilter(
        method="before_until", help_text="Runs with started_at before this time; without a start, event_at."
    )
    event_since = TimeFilter(
        field_name="event_at", lookup_expr="gte", help_text="Runs with event_at at or after this time."
    )
    event_until = TimeFilter(field_name="event_at", lookup_expr="lt", help_text="Runs with event_at before this time.")
    # The view applies it; declared here so that it is validated and described like other filters.
    order = WordFilter(Order, method="keep", help_text="desc, the default: latest first. Use `ordering` instead.")

    def by_own_id(self, runs: RunQuerySet, name: str, value: str) -> RunQuerySet:
        # With the pipeline, the unique index of both columns answers.
        return runs.filter(external_run_id=value)

    def from_since(self, runs: RunQuerySet, name: str, value: datetime) -> RunQuerySet:
        return in_window(runs, since=value)

    def before_until(self, runs: RunQuerySet, name: str, value: datetime) -> RunQuerySet:
        return in_window(runs, until=value)

    def keep(self, runs: RunQuerySet, name: str, value: str) -> RunQuerySet:
        return runs


class RunFilter(SearchedRuns):
    """Runs across pipelines; since and until are on event_at."""

    client_id = IdsFilter(field_name="pipeline__client_id", help_text="Runs of this client's pipelines.")
    pipeline_id = IdsFilter(field_name="pipeline_id", help_text="Runs of this pipeline.")
    platform = WordsFilter(Platform, field_name="pipeline__platform", help_text="The kind of orchestrator.")
    environment = WordsFilter(Environment, field_name="pipeline__environment", help_text="Where the pipeline runs.")
    since = TimeFilter(field_name="event_at", lookup_expr="gte", help_text="Runs with event_at at or after this time.")
    until = TimeFilter(field_name="event_at", lookup_expr="lt", help_text="Runs with event_at before this time.")
    q = TextFilter(
        method="failed_with",
        min_length=2,
        max_length=200,
        help_text="Part of the error text of failed runs; case is ignored. Searches at most "
        f"{MAX_TEXT_SEARCH.days} days: without since, those before until; without both, the last ones.",
    )

    def failed_with(self, runs: RunQuerySet, name: str, value: str) -> RunQuerySet:
        since = self.form.cleaned_data["since"]
        if since is None:
            runs = runs.filter(event_at__gte=_earliest(self.form.cleaned_data["until"]))
        return runs.filter(status=Status.FAILED, error_message__icontains=value)

    def is_valid(self) -> bool:
        valid = bool(super().is_valid())
        for name, problem in self._conflicts():
            self.form.add_error(name, problem)
            valid = False
        return valid

    def _conflicts(self) -> list[tuple[str, str]]:
        """Return what `q` cannot be combined with."""
        given: dict[str, Any] = self.form.cleaned_data
        if not given.get("q"):
            return []
        found = []
        if (chosen := given.get("status")) and Status.FAILED not in chosen:
            found.append(("status", "q searches failed runs: leave status out, or include failed."))
        until = given.get("until") or timezone.now()
        if (since := given.get("since")) is not None and until - since > MAX_TEXT_SEARCH:
            found.append(("since", f"With q, search at most {MAX_TEXT_SEARCH.days} days at once."))
        return found


def _earliest(until: datetime | None) -> datetime:
    try:
        return (until or timezone.now()) - MAX_TEXT_SEARCH
    except OverflowError:
        raise ValidationError({"until": ["Give a time after the year 1."]}) from None
