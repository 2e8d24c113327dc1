from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import TextChoices, Value
from django.db.models.lookups import Exact
from django.utils import timezone

from chm_project.api.filter_bases import FilterSet
from chm_project.api.filters import IdsFilter, OneChoiceFilter, SeveralChoicesFilter, TextFilter, TimeFilter
from inventory.models import Environment, Platform
from runs.models import ID_IN_BYTE_ORDER, Run, RunQuerySet, Status
from runs.run_querysets import in_window

# No index finds a text within an error message, so a search reads all failed runs of its window.
MAX_TEXT_SEARCH = timedelta(days=31)


class Order(TextChoices):
    DESC = "desc", "Latest first"
    ASC = "asc", "The exact reverse"


class RunFilterBase(FilterSet):
    """Filters of both lists of runs."""

    status = SeveralChoicesFilter(Status, help_text="The status.")
    external_run_id = TextFilter(method="with_external_run_id", max_length=255, help_text="The exact id at the source.")
    search = TextFilter(method="with_id_prefix", max_length=255, help_text="The beginning of the id at the source.")

    class Meta:
        model = Run
        fields: list[str] = []

    def with_external_run_id(self, runs: RunQuerySet, name: str, value: str) -> RunQuerySet:
        # The index runs_by_external_id has its own collation, so only a comparison in that collation uses it.
        return runs.filter(Exact(ID_IN_BYTE_ORDER, Value(value)))

    def with_id_prefix(self, runs: RunQuerySet, name: str, value: str) -> RunQuerySet:
        return runs.alias(searched=ID_IN_BYTE_ORDER).filter(searched__startswith=value)


class PipelineRunFilter(RunFilterBase):
    """Runs of one pipeline; since and until are on started_at."""

    since = TimeFilter(
        method="started_since",
        help_text="Runs that started at or after this time. For a run without a start, event_at counts.",
    )
    until = TimeFilter(
        method="started_until",
        help_text="Runs that started before this time. For a run without a start, event_at counts.",
    )
    event_since = TimeFilter(
        field_name="event_at", lookup_expr="gte", help_text="Runs with event_at at or after this time."
    )
    event_until = TimeFilter(field_name="event_at", lookup_expr="lt", help_text="Runs with event_at before this time.")
    # Not a filter: the view sorts by it. It is declared here to be validated and described like the other parameters.
    order = OneChoiceFilter(
        Order,
        method="unfiltered",
        help_text="desc (the default): latest first; asc: earliest first. Use `ordering` instead.",
    )

    def with_external_run_id(self, runs: RunQuerySet, name: str, value: str) -> RunQuerySet:
        # The list is also filtered by the pipeline, so the unique index of both columns finds the run.
        return runs.filter(external_run_id=value)

    def started_since(self, runs: RunQuerySet, name: str, value: datetime) -> RunQuerySet:
        return in_window(runs, since=value)

    def started_until(self, runs: RunQuerySet, name: str, value: datetime) -> RunQuerySet:
        return in_window(runs, until=value)

    def unfiltered(self, runs: RunQuerySet, name: str, value: str) -> RunQuerySet:
        return runs


class RunFilter(RunFilterBase):
    """Runs across pipelines; since and until are on event_at."""

    client_id = IdsFilter(field_name="pipeline__client_id", help_text="Runs of this client's pipelines.")
    pipeline_id = IdsFilter(field_name="pipeline_id", help_text="Runs of this pipeline.")
    platform = SeveralChoicesFilter(Platform, field_name="pipeline__platform", help_text="The kind of orchestrator.")
    environment = SeveralChoicesFilter(
        Environment, field_name="pipeline__environment", help_text="Where the pipeline runs."
    )
    since = TimeFilter(field_name="event_at", lookup_expr="gte", help_text="Runs with event_at at or after this time.")
    until = TimeFilter(field_name="event_at", lookup_expr="lt", help_text="Runs with event_at before this time.")
    q = TextFilter(
        method="with_error_text",
        min_length=2,
        max_length=200,
        help_text="Part of the error text of failed runs; case is ignored. `since` and `until` can be at most "
        f"{MAX_TEXT_SEARCH.days} days apart. Default of `since`: {MAX_TEXT_SEARCH.days} days before `until`, or before "
        "now.",
    )

    def with_error_text(self, runs: RunQuerySet, name: str, value: str) -> RunQuerySet:
        since = self.form.cleaned_data["since"]
        if since is None:
            runs = runs.filter(event_at__gte=_search_start(self.form.cleaned_data["until"]))
        # Only failed runs, because the partial index runs_failed finds them by time.
        return runs.filter(status=Status.FAILED, error_message__icontains=value)

    def is_valid(self) -> bool:
        # Checked after the form, because each field of a form sees only its own value.
        valid = bool(super().is_valid())
        for name, problem in self._conflicts():
            self.form.add_error(name, problem)
            valid = False
        return valid

    def _conflicts(self) -> list[tuple[str, str]]:
        """Return the parameters that cannot be combined with `q`, each with a message."""
        values: dict[str, Any] = self.form.cleaned_data
        if not values.get("q"):
            return []
        conflicts = []
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
