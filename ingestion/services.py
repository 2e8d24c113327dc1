"""Ingestion: from connections to recorded runs. The command, the task, the admin and the API are skins on this."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded
from django.db import Error as DatabaseError
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from ingestion.checkpoints import Checkpoint
from ingestion.circuit import Circuit
from ingestion.connections import ConfigurationError, Connection
from ingestion.connectors.base import Connector, OpenRun, Page, Target, Walk
from ingestion.errors import PartnerError, TokenRefused, Unavailable
from ingestion.http import PartnerSession
from ingestion.links import Links
from ingestion.paging import Position
from inventory.models import Pipeline
from runs.events import RunEvent
from runs.models import Run
from runs.services import Outcome, count, record_runs

logger = logging.getLogger(__name__)

_SQL = Path(__file__).parent / "sql"
_MARK_WALKED = (_SQL / "mark_walked.sql").read_text()
_MARK_FAILED = (_SQL / "mark_failed.sql").read_text()

OVERLAP_INTERVALS = 2
DUE_INTERVALS = 3
# A watermark moves by steps of a minute; where ticks are closer, by every tick, though it may come a little early.
MAX_BOOKKEEPING_STEP = timedelta(minutes=1)
EARLY_TICK = 0.9
# A partner that is down is not asked again for each of its thousand pipelines.
MAX_CONSECUTIVE_OUTAGES = 3
MAX_REPORTED_REJECTIONS = 20
# Of a limited time, what pipelines with a watermark may use while others wait for their first walk.
SHARE_OF_THE_KNOWN = 0.75

OpenKey = tuple[UUID, str]


@dataclass(slots=True)
class Report:
    """What one connection's ingestion did; counts are of runs as they came in, repeats included."""

    connection: str
    pipelines_processed: int = 0
    pages_processed: int = 0
    runs_processed: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    stale: int = 0
    rejected: int = 0
    unknown_pipelines: int = 0
    errors: list[dict[str, str | None]] = field(default_factory=list)
    rejections: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    unfinished: bool = False  # the time was up; another ingestion goes on from there

    def add(self, page: Page, outcomes: Mapping[Outcome, int]) -> None:
        self.pages_processed += 1
        self.runs_processed += sum(outcomes.values())
        for outcome, number in outcomes.items():
            setattr(self, outcome.value, getattr(self, outcome.value) + number)
        self.unknown |= page.unknown
        self.unknown_pipelines = len(self.unknown)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"unknown": sorted(self.unknown)}


@dataclass(frozen=True, slots=True)
class Scope:
    """How much of a connection to ingest, and from when: since its watermarks unless told otherwise."""

    client_id: UUID | None = None
    pipeline_id: UUID | None = None
    since: datetime | None = None
    full: bool = False
    dry_run: bool = False

    def takes(self, pipeline: Pipeline) -> bool:
        return (self.client_id is None or pipeline.client_id == self.client_id) and (
            self.pipeline_id is None or pipeline.id == self.pipeline_id
        )


@dataclass(frozen=True, slots=True)
class Limit:
    """When an ingestion has to stop at the end of a page: its time is up, or its worker has to end."""

    seconds: float | None = None
    stopping: Callable[[], bool] = bool
    begun: float = field(default_factory=time.monotonic)

    def reached(self, share: float = 1) -> bool:
        """With `share`, whether that part of the time is up."""
        late = self.seconds is not None and time.monotonic() - self.begun >= self.seconds * share
        return late or self.stopping()


@dataclass(frozen=True, slots=True)
class Assignment:
    pipelines: dict[str, list[Pipeline]]
    unselected: list[Pipeline]


def assign(connections: Mapping[str, Connection]) -> Assignment:
    """Which connection ingests which pipeline; raises ConfigurationError where two select the same."""
    pipelines: dict[str, list[Pipeline]] = {name: [] for name in connections}
    unselected, mistakes = [], []
    for pipeline in Pipeline.objects.ingestible().select_related("client").order_by("id"):
        takers = [name for name, connection in connections.items() if connection.pipelines.takes(pipeline)]
        if len(takers) > 1:
            mistakes.append(
                f"pipeline {pipeline.name!r} of {pipeline.client.name!r} is selected by {' and '.join(takers)}"
            )
        elif takers:
            pipelines[takers[0]].append(pipeline)
        else:
            unselected.append(pipeline)
    if mistakes:
        raise ConfigurationError(mistakes)
    return Assignment(pipelines, unselected)


def ingest_connection(
    connection: Connection,
    pipelines: Sequence[Pipeline],
    scope: Scope = Scope(),
    *,
    report: Report | None = None,
    limit: Limit | None = None,
    on_walk: Callable[[int], None] = lambda targets: None,
) -> Report:
    """Walks the pipelines of one connection; one that fails is reported and marked, and the others go on.

    1. Pages come in one by one; each is recorded in a transaction of its own.
    2. Runs that we hold as running and the walk did not return are asked for.
    3. Only then the watermarks move, all together, to the moment before the first request.

    With a `limit`, a walk that does not end in time is `unfinished`, and the next ingestion goes on where it stopped.
    `on_walk` is told how many pipelines each finished walk covered; a `report` given is filled as the work goes on.
    """
    report = Report(connection.name) if report is None else report
    limit = limit or Limit()
    targets = [_target(pipeline, connection, scope) for pipeline in _in_turn(pipelines) if scope.takes(pipeline)]
    known = {pipeline.external_id for pipeline in pipelines}
    authentication = connection.authentication()
    circuit = Circuit(connection.name, connection.interval_seconds)
    waiting = {target.pipeline_id: target for target in targets}
    outages, most_outages = 0, 1 if circuit.half_open else MAX_CONSECUTIVE_OUTAGES
    answered = False
    some_new = any(target.since is None for target in targets)
    with PartnerSession(
        connection.base_url, auth=authentication, settings=connection.http, held=circuit.held(), on_hold=circuit.hold
    ) as session:
        connector = connection.connect(session, known.__contains__)
        for walk in connector.walks(targets):
            share = SHARE_OF_THE_KNOWN if some_new and walk.since is not None else 1
            if limit.reached(share):
                report.unfinished = True
                continue
            error = _walk(connector, walk, connection, scope, report, partial(limit.reached, share))
            for target in walk.targets:
                del waiting[target.pipeline_id]
            on_walk(len(walk.targets))
            answered = answered or not isinstance(error, Unavailable)
            outages = outages + 1 if isinstance(error, Unavailable) else 0
            if isinstance(error, TokenRefused) or outages >= most_outages:
                _failed(list(waiting.values()), error, scope, report)
                on_walk(len(waiting))
                break
    if answered:
        circuit.up()
    elif outages:
        circuit.down()
    return report


def _in_turn(pipelines: Sequence[Pipeline]) -> list[Pipeline]:
    """Who waited longest first, so that a limit leaves out others the next time; who is new comes last."""
    return sorted(pipelines, key=lambda pipeline: pipeline.ingested_through or datetime.max.replace(tzinfo=UTC))


def _target(pipeline: Pipeline, connection: Connection, scope: Scope) -> Target:
    since = scope.since
    if since is None and not scope.full and pipeline.ingested_through is not None:
        since = pipeline.ingested_through - timedelta(seconds=connection.interval_seconds) * OVERLAP_INTERVALS
    return Target(
        pipeline_id=pipeline.id,
        client_id=pipeline.client_id,
        platform=pipeline.platform,
        external_id=pipeline.external_id or "",
        since=since,
        through=pipeline.ingested_through,
    )


def _walk(
    connector: Connector,
    walk: Walk,
    connection: Connection,
    scope: Scope,
    report: Report,
    limit_reached: Callable[[], bool],
) -> PartnerError | None:
    now = timezone.now()
    # What is asked for by hand begins where it says, whatever the schedule is at.
    by_hand = scope.full or scope.dry_run or scope.since is not None
    checkpoint = Checkpoint("", now) if by_hand else Checkpoint.of(connection.name, walk, now=now)
    unseen = _open_runs(walk.targets)
    pages = 0
    try:
        for page in _pages(connector, walk, checkpoint.position, unseen):
            _store(page, scope, report)
            pages += 1
            unseen -= _keys(page)
            if not by_hand:
                checkpoint.reached(page.position)
            # The page at which an earlier task stopped is read again, and must not be all that this one does.
            if limit_reached() and (pages > 1 or not checkpoint.resumed):
                report.unfinished = True
                checkpoint.save()
                return None
    except PartnerError as error:
        if checkpoint.resumed and not pages and not isinstance(error, Unavailable | TokenRefused):
            checkpoint.clear()  # a position that the partner does not know any more
        _failed(walk.targets, error, scope, report)
        return error
    except (DatabaseError, SoftTimeLimitExceeded):
        raise
    except Exception as error:  # a bug in one connector must not stop the others
        logger.exception("connection %s: unexpected error", connection.name)
        failure = PartnerError(f"CHM could not read the partner's answer ({type(error).__name__}); see the log")
        _failed(walk.targets, failure, scope, report)
        return failure
    report.pipelines_processed += len(walk.targets)
    if not scope.dry_run:
        _mark_walked(walk.targets, connection, connector, scope, checkpoint.through)
    checkpoint.clear()
    return None


def _pages(connector: Connector, walk: Walk, start: Position | None, unseen: set[OpenKey]) -> Iterator[Page]:
    """All of the walk, and then what we hold as open and none of it returned: `unseen` is the reader's to keep."""
    yield from walk.pages(start)
    yield from connector.reread(_described(unseen, walk.targets))


def _store(page: Page, scope: Scope, report: Report) -> None:
    with transaction.atomic():
        results = record_runs(page.events)
        if scope.dry_run:
            transaction.set_rollback(True)
    report.add(page, count(results))
    for result in results:
        if result.error is not None and len(report.rejections) < MAX_REPORTED_REJECTIONS:
            report.rejections.append(result.error)
            logger.warning("connection %s: rejected: %s", report.connection, result.error)


def _keys(page: Page) -> set[OpenKey]:
    return {(event.pipeline_id, str(event.external_run_id)) for event in page.events if isinstance(event, RunEvent)}


def _open_runs(targets: Sequence[Target]) -> set[OpenKey]:
    ids = [target.pipeline_id for target in targets]
    return set(Run.objects.still_open().filter(pipeline_id__in=ids).values_list("pipeline_id", "external_run_id"))


def _described(keys: set[OpenKey], targets: Sequence[Target]) -> list[OpenRun]:
    if not keys:
        return []
    external_ids = {target.pipeline_id: target.external_id for target in targets}
    runs = Run.objects.still_open().filter(pipeline_id__in={pipeline_id for pipeline_id, _ in keys})
    return [
        OpenRun(run.pipeline_id, external_ids[run.pipeline_id], run.external_run_id, run.started_at, run.payload)
        for run in runs.only("pipeline_id", "external_run_id", "started_at", "payload").order_by("id")
        if (run.pipeline_id, run.external_run_id) in keys
    ]


def _mark_walked(
    targets: Sequence[Target], connection: Connection, connector: Connector, scope: Scope, through: datetime
) -> None:
    interval = timedelta(seconds=connection.interval_seconds)
    links = _links(connection, connector, targets)
    found = [(links or {}).get(target.external_id, Links()) for target in targets]
    with database.cursor() as cursor:
        cursor.execute(
            _MARK_WALKED,
            {
                "through": through,
                "due": timezone.now() + interval * DUE_INTERVALS,
                "step": min(interval * EARLY_TICK, MAX_BOOKKEEPING_STEP).total_seconds(),
                "pipeline_id": [target.pipeline_id for target in targets],
                "client_id": [target.client_id for target in targets],
                "platform": [target.platform for target in targets],
                "external_id": [target.external_id for target in targets],
                "links_known": links is not None,
                "source_url": [link.pipeline for link in found],
                "source_url_template": [link.runs for link in found],
                # A walk from --since says nothing about what lies between the watermark and there.
                "moves": [
                    scope.since is None or (target.through is not None and scope.since <= target.through)
                    for target in targets
                ],
            },
        )


def _links(connection: Connection, connector: Connector, targets: Sequence[Target]) -> Mapping[str, Links] | None:
    """Return the links by external id; None leaves the stored ones, since a link is not worth a failed walk."""
    try:
        return connection.links(connector, {target.external_id for target in targets})
    except PartnerError as error:
        logger.warning("connection %s: no links: %s", connection.name, error)
        return None


def _failed(targets: Iterable[Target], error: PartnerError | None, scope: Scope, report: Report) -> None:
    targets = list(targets)
    message = str(error)
    names = {target.pipeline_id: target.external_id for target in targets}
    logger.warning("connection %s: %s (%d pipelines)", report.connection, message, len(names))
    pipeline = next(iter(names.values())) if len(names) == 1 else None
    if names:
        report.errors.append({"connection": report.connection, "pipeline": pipeline, "error": message})
    if names and not scope.dry_run:
        with database.cursor() as cursor:
            cursor.execute(_MARK_FAILED, {"error": message, "pipeline_id": list(names)})
