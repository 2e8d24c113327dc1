"""Build QuerySets of the open runs of a pipeline and of the runs in a time window."""

from datetime import datetime

from django.db.models import F, Q, Value
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThan

from runs.models import MINUS_INFINITY, START_KEY, RunQuerySet


def newest_open_first(runs: RunQuerySet) -> RunQuerySet:
    """Return the open runs of one pipeline, the latest first.

    For open runs without an end, the order is the same as that of latest_first. But this order has other expressions,
    so PostgreSQL uses the index runs_open. With the expressions of latest_first, PostgreSQL could choose the index
    runs_latest, and read all runs of the pipeline.
    """
    return runs.still_open().order_by(F("started_at").desc(nulls_last=True), "-id")


def in_window(runs: RunQuerySet, *, since: datetime | None = None, until: datetime | None = None) -> RunQuerySet:
    """Return the runs that started at or after `since` and before `until`. event_at replaces a missing start.

    The condition uses START_KEY, as the index runs_latest does. In START_KEY, a missing start is -infinity.
    """
    without_start = Q(Exact(START_KEY, MINUS_INFINITY))
    if since is not None:
        runs = runs.filter(Q(GreaterThanOrEqual(START_KEY, Value(since))) | without_start & Q(event_at__gte=since))
    if until is not None:
        # The first condition is separate, so that an index scan can start at the end of the window.
        runs = runs.filter(Q(LessThan(START_KEY, Value(until))), ~without_start | Q(event_at__lt=until))
    return runs
