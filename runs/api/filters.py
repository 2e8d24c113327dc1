from datetime import datetime

from django.db.models import TextChoices

from chm_project.api.bases import FilterSet
from chm_project.api.filters import IdFilter, TextFilter, TimeFilter, WordFilter
from inventory.models import Environment, Platform
from runs.latest import in_window
from runs.models import Run, RunQuerySet, Status


class Order(TextChoices):
    DESC = "desc", "Latest first"
    ASC = "asc", "The exact reverse"


class PipelineRunFilter(FilterSet):
    """Runs of one pipeline; the window is on started_at."""

    status = WordFilter(Status)
    external_run_id = TextFilter(help_text="The exact id.")
    since = TimeFilter(method="from_since", help_text="Inclusive, on started_at, else on event_at.")
    until = TimeFilter(method="before_until", help_text="Exclusive, on started_at, else on event_at.")
    # Read by the view, which owns the order; here so that it is checked and described like the rest.
    order = WordFilter(Order, method="keep", help_text="desc, the default: latest first.")

    class Meta:
        model = Run
        fields: list[str] = []

    def from_since(self, runs: RunQuerySet, name: str, value: datetime) -> RunQuerySet:
        return in_window(runs, since=value)

    def before_until(self, runs: RunQuerySet, name: str, value: datetime) -> RunQuerySet:
        return in_window(runs, until=value)

    def keep(self, runs: RunQuerySet, name: str, value: str) -> RunQuerySet:
        return runs


class RunFilter(FilterSet):
    """Runs across pipelines; the window is on event_at."""

    client_id = IdFilter(field_name="pipeline__client_id")
    pipeline_id = IdFilter(field_name="pipeline_id")
    platform = WordFilter(Platform, field_name="pipeline__platform")
    environment = WordFilter(Environment, field_name="pipeline__environment")
    status = WordFilter(Status)
    since = TimeFilter(field_name="event_at", lookup_expr="gte", help_text="Inclusive, on event_at.")
    until = TimeFilter(field_name="event_at", lookup_expr="lt", help_text="Exclusive, on event_at.")

    class Meta:
        model = Run
        fields: list[str] = []
