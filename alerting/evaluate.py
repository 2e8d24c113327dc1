"""When a rule held, from failures alone: no database, no clock. Times are datetimes in UTC, spans half-open."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter


@dataclass(frozen=True, slots=True)
class Span:
    """The rule held from `since` (inclusive) until `until` (exclusive), because of so many failed runs."""

    since: datetime
    until: datetime
    failed_runs: int


def on_failure(verdicts: Iterable[tuple[datetime, datetime | None]], *, since: datetime, until: datetime) -> list[Span]:
    """Spans in which at least one of the pipelines was failing.

    `verdicts` are the failed runs that were decisive for their pipeline: from when on, and until when, where known.
    """
    pieces = [(start, end or until) for start, end in verdicts]
    return _joined(pieces, threshold=1, since=since, until=until)


def failures_in_window(
    failures: Iterable[datetime], *, threshold: int, window: timedelta, since: datetime, until: datetime
) -> list[Span]:
    """Spans at each moment of which at least `threshold` runs had failed in the `window` before it.

    `failures` are the event_at of failed runs, from `since` less the window on and before `until`; one counts from its
    moment on, and no longer once the window has passed.
    """
    pieces = [(at, at + min(window, until - at)) for at in failures]
    return _joined(pieces, threshold=threshold, since=since, until=until)


def _joined(
    pieces: Iterable[tuple[datetime, datetime]], *, threshold: int, since: datetime, until: datetime
) -> list[Span]:
    """Where at least `threshold` pieces overlap, one piece a failed run; each span with how many touch it."""
    clipped = [(max(start, since), min(end, until)) for start, end in pieces]
    edges = sorted(
        (moment, change) for start, end in clipped if start < end for moment, change in ((start, 1), (end, -1))
    )
    spans: list[Span] = []
    overlapping = counted = 0
    holds_since: datetime | None = None
    for moment, group in groupby(edges, key=itemgetter(0)):
        changes = [change for _, change in group]
        overlapping += sum(changes)
        if overlapping >= threshold:
            if holds_since is None:
                holds_since, counted = moment, overlapping
            else:
                counted += changes.count(1)
        elif holds_since is not None:
            spans.append(Span(holds_since, moment, counted))
            holds_since = None
    return spans
