"""Evaluate rules from lists of failures, without database or clock. Times are in UTC, spans half-open."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter


@dataclass(frozen=True, slots=True)
class Span:
    """The rule fired from `since` (inclusive) until `until` (exclusive), because of `failed_runs` runs."""

    since: datetime
    until: datetime
    failed_runs: int


def on_failure(verdicts: Iterable[tuple[datetime, datetime | None]], *, since: datetime, until: datetime) -> list[Span]:
    """Return the spans in which at least one of the pipelines was failing.

    `verdicts` are the spans in which a failed run decided a pipeline's state; an end of None means until `until`.
    """
    pieces = [(start, end or until) for start, end in verdicts]
    return _joined(pieces, threshold=1, since=since, until=until)


def failures_in_window(
    failures: Iterable[datetime], *, threshold: int, window: timedelta, since: datetime, until: datetime
) -> list[Span]:
    """Return the spans in which at least `threshold` runs had failed within the last `window`.

    `failures` are the event_at of failed runs from `since` minus the window to `until`. A failure counts from its
    event_at until the window has passed.
    """
    pieces = [(failed_at, failed_at + min(window, until - failed_at)) for failed_at in failures]
    return _joined(pieces, threshold=threshold, since=since, until=until)


def _joined(
    pieces: Iterable[tuple[datetime, datetime]], *, threshold: int, since: datetime, until: datetime
) -> list[Span]:
    """Return the spans where at least `threshold` pieces overlap, each with its number of pieces (failed runs)."""
    clipped = [(max(start, since), min(end, until)) for start, end in pieces]
    edges = sorted(
        (moment, change) for start, end in clipped if start < end for moment, change in ((start, 1), (end, -1))
    )
    spans: list[Span] = []
    overlapping = counted = 0
    fires_since: datetime | None = None
    # All changes of a moment count together, so a failure that ends when another begins does not overlap with it.
    for moment, group in groupby(edges, key=itemgetter(0)):
        changes = [change for _, change in group]
        overlapping += sum(changes)
        if overlapping >= threshold:
            if fires_since is None:
                fires_since, counted = moment, overlapping
            else:
                counted += changes.count(1)
        elif fires_since is not None:
            spans.append(Span(fires_since, moment, counted))
            fires_since = None
    return spans
