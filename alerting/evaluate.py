"""Compute when a rule fired, from the times of failures. The functions use neither the database nor the current time.

Times are in UTC. A span includes its start and excludes its end.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which a rule fired, from `since` (inclusive) to `until` (exclusive), because of `failed_runs` runs."""

    since: datetime
    until: datetime
    failed_runs: int


def spans_on_failure(
    failing_spans: Iterable[tuple[datetime, datetime | None]], *, since: datetime, until: datetime
) -> list[Span]:
    """Return the spans in which at least one of the pipelines was failing.

    Each item of `failing_spans` is a span, as its start and end, in which one failed run was the latest decisive run of
    its pipeline. The span ends when a later decisive run replaced the failed run, or when the failure became known.
    None as the end means that neither happened before `until`.
    """
    intervals = [(start, end or until) for start, end in failing_spans]
    return _overlapping_spans(intervals, threshold=1, since=since, until=until)


def spans_with_failures_in_window(
    failures: Iterable[tuple[datetime, datetime | None]],
    *,
    threshold: int,
    window: timedelta,
    since: datetime,
    until: datetime,
) -> list[Span]:
    """Return the spans in which at least `threshold` runs had failed within the last `window`.

    Each item of `failures` belongs to a run that failed between `since` minus `window` and `until`. Its first value is
    the event_at of the run. From its second value on, the run does not count even within the window (None: no such
    time). With a window of 60 minutes, a failure at 10:00 counts from 10:00 to 11:00.
    """
    # Without min(), the end of a long window can be after the year 9999.
    intervals = [
        (failed_at, min(failed_at + min(window, until - failed_at), counts_until or until))
        for failed_at, counts_until in failures
    ]
    return _overlapping_spans(intervals, threshold=threshold, since=since, until=until)


def _overlapping_spans(
    intervals: Iterable[tuple[datetime, datetime]], *, threshold: int, since: datetime, until: datetime
) -> list[Span]:
    """Return the spans in which at least `threshold` intervals overlap. Each interval belongs to one failed run."""
    clipped = [(max(start, since), min(end, until)) for start, end in intervals]
    edges = sorted(
        (moment, change) for start, end in clipped if start < end for moment, change in ((start, 1), (end, -1))
    )
    spans: list[Span] = []
    overlap_count = failed_runs = 0
    firing_since: datetime | None = None
    # Add up all changes at the same moment first. If one failure ends when another begins, the two do not overlap.
    for moment, changes_at_moment in groupby(edges, key=itemgetter(0)):
        changes = [change for _, change in changes_at_moment]
        overlap_count += sum(changes)
        if overlap_count >= threshold:
            if firing_since is None:
                firing_since, failed_runs = moment, overlap_count
            else:
                failed_runs += changes.count(1)
        elif firing_since is not None:
            spans.append(Span(firing_since, moment, failed_runs))
            firing_since = None
    return spans
