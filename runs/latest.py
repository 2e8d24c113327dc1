"""Querysets of the newest open run of a pipeline and of the runs of a window."""

from datetime import datetime

from django.db.models import F, Q, Value
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThan

from runs.models import BEGINNING, STARTED, RunQuerySet


def newest_open_first(runs: RunQuerySet) -> RunQuerySet:
    """Return the open runs of one pipeline, the latest first.

    The order has the same meaning as latest_first but another expression, so that PostgreSQL uses the index runs_open.
    With the expression of latest_first, a plan may walk all runs of the pipeline in the index runs_latest.
    """
    return runs.still_open().order_by(F("started_at").desc(nulls_last=True), "-id")


def in_window(runs: RunQuerySet, *, since: datetime | None = None, until: datetime | None = None) -> RunQuerySet:
    """Return runs that started from `since` until before `until`; for a run without a start, event_at counts.

    The condition uses the expression of the index runs_latest, in which a run without a start has -infinity.
    """
    without_start = Q(Exact(STARTED, BEGINNING))
    if since is not None:
        runs = runs.filter(Q(GreaterThanOrEqual(STARTED, Value(since))) | without_start & Q(event_at__gte=since))
    if until is not None:
        # The first condition is separate, so that an index scan can start at the end of the window.
        runs = runs.filter(Q(LessThan(STARTED, Value(until))), ~without_start | Q(event_at__lt=until))
    return runs
