"""When a rule held, from runs alone: no database, no clock. Times are datetimes in UTC, spans half-open.

What is known at a moment is judged from the runs as they stand today: a run is running from its start on, and has its
status from event_at on. One without a start is known from event_at on; one that ended before it started has its status
from its start on.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from uuid import UUID

BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PastRun:
    id: UUID
    pipeline_id: UUID
    failed: bool
    started_at: datetime | None
    finished_at: datetime | None
    event_at: datetime

    @property
    def begins(self) -> datetime:
        """From when on it counts as a run at all."""
        return self.started_at or self.event_at

    @property
    def settles(self) -> datetime:
        """From when on it has its status."""
        return max(self.begins, self.event_at)

    @property
    def order(self) -> tuple[datetime, datetime, UUID]:
        """The definition of "latest run": nulls last, then the younger row."""
        return self.started_at or BEGINNING, self.finished_at or BEGINNING, self.id


@dataclass(frozen=True, slots=True)
class Span:
    """The rule held from `since` (inclusive) until `until` (exclusive), because of so many failed runs."""

    since: datetime
    until: datetime
    failed_runs: int


def on_failure(runs: Iterable[PastRun], *, since: datetime, until: datetime) -> list[Span]:
    """Spans in which the latest run of at least one of the pipelines was failed.

    `runs` are, of each pipeline, all that began in the window and the latest of those before it.
    """
    by_pipeline: dict[UUID, list[PastRun]] = {}
    for run in runs:
        by_pipeline.setdefault(run.pipeline_id, []).append(run)
    pieces = [piece for ours in by_pipeline.values() for piece in _failed_as_latest(ours, until=until)]
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


def _failed_as_latest(runs: Sequence[PastRun], *, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """One pipeline's spans of a failed latest run, one for each such run."""
    latest: PastRun | None = None
    for run in sorted(runs, key=lambda run: (run.begins, run.order)):
        if latest is not None and run.order <= latest.order:
            continue
        if latest is not None and latest.failed:
            yield latest.settles, run.begins
        latest = run
    if latest is not None and latest.failed:
        yield latest.settles, until


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
