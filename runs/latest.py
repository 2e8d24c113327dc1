"""The newest open run of a pipeline, and the runs of a window: one definition each, used everywhere."""

from datetime import datetime

from django.db.models import F, Q, Value
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThan

from runs.models import BEGINNING, STARTED, RunQuerySet


def newest_open_first(runs: RunQuerySet) -> RunQuerySet:
    """Those of one pipeline's runs that are open, in the same order as latest_first.

    Ordered differently from latest_first: for that order a plan may walk all runs of the pipeline to find that none is
    open, where the index runs_open says so at once.
    """
    return runs.still_open().order_by(F("started_at").desc(nulls_last=True), "-id")


def in_window(runs: RunQuerySet, *, since: datetime | None = None, until: datetime | None = None) -> RunQuerySet:
    """Runs that started in [since, until); one without a start is placed by event_at.

    Written over the same expression as the index runs_latest: a run without a start stands there at -infinity.
    """
    without_start = Q(Exact(STARTED, BEGINNING))
    if since is not None:
        runs = runs.filter(Q(GreaterThanOrEqual(STARTED, Value(since))) | without_start & Q(event_at__gte=since))
    if until is not None:
        # The first condition, on its own, lets a walk from the latest begin here rather than filter its way down.
        runs = runs.filter(Q(LessThan(STARTED, Value(until))), ~without_start | Q(event_at__lt=until))
    return runs
