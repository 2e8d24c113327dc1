"""When a rule held, from runs alone: no database, no clock. Times are datetimes in UTC, spans half-open.

What is known at a moment is judged from the runs as they stand today: a run is running from its start on, and has its
status from event_at on.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PastRun:
    id: UUID
    pipeline_id: UUID
    failed: bool
    running: bool
    started_at: datetime | None
    finished_at: datetime | None
    event_at: datetime

    @property
    def begins(self) -> datetime:
        """From when on it counts as a run at all."""
        return min(self.started_at or self.event_at, self.event_at)

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
    failures: Iterable[tuple[UUID, datetime]], *, threshold: int, window: timedelta, since: datetime, until: datetime
) -> list[Span]:
    """Spans at each moment of which at least `threshold` runs had failed in the `window` before it.

    `failures` are (run, event_at) from `since` less the window on.
    """
    pieces = [(at, at + window, run) for run, at in failures]
    return _joined(pieces, threshold=threshold, since=since, until=until)


def _failed_as_latest(runs: Sequence[PastRun], *, until: datetime) -> Iterator[tuple[datetime, datetime, UUID]]:
    """One pipeline's spans of a failed latest run, each with that run."""
    latest: PastRun | None = None
    for run in sorted(runs, key=lambda run: (run.begins, run.order)):
        if latest is not None and run.order <= latest.order:
            continue
        if latest is not None and latest.failed and latest.event_at < run.begins:
            yield latest.event_at, run.begins, latest.id
        latest = run
    if latest is not None and latest.failed and latest.event_at < until:
        yield latest.event_at, until, latest.id


def _joined(
    pieces: Iterable[tuple[datetime, datetime, UUID]], *, threshold: int, since: datetime, until: datetime
) -> list[Span]:
    """Where at least `threshold` pieces overlap; each span with the runs whose pieces touch it."""
    clipped = [(max(start, since), min(end, until), run) for start, end, run in pieces]
    edges = sorted(
        (moment, change, run)
        for start, end, run in clipped
        if start < end
        for moment, change in ((start, 1), (end, -1))
    )
    spans: list[Span] = []
    open_runs: dict[UUID, None] = {}
    seen: set[UUID] = set()
    holds_since: datetime | None = None
    place = 0
    while place < len(edges):
        moment = edges[place][0]
        ended = []
        while place < len(edges) and edges[place][0] == moment:
            _, change, run = edges[place]
            if change > 0:
                open_runs[run] = None
            else:
                ended.append(run)
            place += 1
        for run in ended:
            del open_runs[run]
        if len(open_runs) >= threshold:
            if holds_since is None:
                holds_since, seen = moment, set()
            seen.update(open_runs)
        elif holds_since is not None:
            spans.append(Span(holds_since, moment, len(seen)))
            holds_since = None
    return spans
