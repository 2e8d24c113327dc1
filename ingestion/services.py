"""Ingest connections. The command, the task, the admin and the API call this module."""

import gc
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import transaction
from django.utils import timezone

from ingestion.bookkeeping import mark_failed, mark_walked
from ingestion.checkpoints import Checkpoint
from ingestion.circuit import Circuit
from ingestion.connections import ConfigurationError, Connection
from ingestion.connectors.base import Connector, OpenRun, Page, Target, Walk
from ingestion.error_texts import fetch_error_texts
from ingestion.errors import PartnerError, TokenRefused, Unavailable
from ingestion.http import PartnerSession
from ingestion.page_log import PageLog
from ingestion.paging import Position
from ingestion.read_ahead import ReadAhead
from ingestion.reconciliation import start_of_walk
from ingestion.report import Report
from ingestion.scope import IngestionScope, StopCondition
from ingestion.source_inventory import read_source_list
from inventory.models import Pipeline
from runs.models import Run
from runs.services import Outcome, PreparedRuns, count, prepared, record_prepared

logger = logging.getLogger(__name__)

OVERLAP_INTERVALS = 2
# Stop after this many failures in a row, instead of one per pipeline.
MAX_CONSECUTIVE_OUTAGES = 3
MAX_REPORTED_REJECTIONS = 20
# Share of the time for pipelines with a watermark, while others wait for their first walk.
SHARE_OF_THE_KNOWN = 0.75

EVERYTHING = IngestionScope()
OpenKey = tuple[UUID, str]


def ingest_connection(
    connection: Connection,
    pipelines: Sequence[Pipeline],
    scope: IngestionScope = EVERYTHING,
    *,
    report: Report | None = None,
    stop: StopCondition | None = None,
    on_walk: Callable[[int], None] = lambda targets: None,
) -> Report:
    """Walk the pipelines of one connection; failures are reported and marked, and the others continue.

    1. Each page is recorded in its own transaction.
    2. Stored open runs that the walk did not return are requested.
    3. Then all watermarks move to the moment before the first request.
    4. If they are due, the source's list of pipelines is read and missing error texts are fetched.

    A walk that `stop` ends early is `unfinished`, and the next ingestion continues there. `on_walk` is called
    with the number of pipelines of each finished walk; `report` is filled during the work.
    """
    _freeze()
    report = Report(connection.name) if report is None else report
    stop = stop or StopCondition()
    targets = [_target(pipeline, connection, scope) for pipeline in _in_turn(pipelines) if scope.covers(pipeline)]
    known = {pipeline.external_id for pipeline in pipelines}
    try:
        authentication = connection.authentication()
    except ConfigurationError as mistake:
        mark_failed(targets, mistake, scope, report)
        return report
    circuit = Circuit(connection.name, connection.interval_seconds)
    waiting = {target.pipeline_id: target for target in targets}
    outages, most_outages = 0, 1 if circuit.half_open else MAX_CONSECUTIVE_OUTAGES
    answered = False
    some_new = any(target.since is None for target in targets)
    session = PartnerSession(
        connection.base_url, auth=authentication, settings=connection.http, held=circuit.held(), on_hold=circuit.hold
    )
    with session, ReadAhead() as ahead:
        connector = connection.connect(session, known.__contains__)
        targets = [_reconciled(target, connection, connector, scope) for target in targets]
        for walk in connector.walks(targets):
            share = SHARE_OF_THE_KNOWN if some_new and walk.since is not None else 1
            if stop.reached(share):
                report.unfinished = True
                continue
            error = _walk(connector, walk, connection, scope, report, _Until(stop, share), ahead)
            for target in walk.targets:
                del waiting[target.pipeline_id]
            on_walk(len(walk.targets))
            answered = answered or not isinstance(error, Unavailable)
            outages = outages + 1 if isinstance(error, Unavailable) else 0
            if isinstance(error, TokenRefused) or outages >= most_outages:
                mark_failed(list(waiting.values()), error, scope, report)
                on_walk(len(waiting))
                break
        if (answered or not targets) and not scope.dry_run and not stop.reached():
            if scope.is_everything:
                read_source_list(connection, connector, targets, known, stop, report)
            fetch_error_texts(connector, session, targets, stop, report)
    if answered:
        circuit.up()
    elif outages:
        circuit.down()
    return report


@cache
def _freeze() -> None:
    """Exclude what is loaded from garbage collection, which else searches all of Django every few pages."""
    gc.freeze()


def _in_turn(pipelines: Sequence[Pipeline]) -> list[Pipeline]:
    """Sort by waiting time, longest first, so that a limit skips others next time; new pipelines come last."""
    return sorted(pipelines, key=lambda pipeline: pipeline.ingested_through or datetime.max.replace(tzinfo=UTC))


def _target(pipeline: Pipeline, connection: Connection, scope: IngestionScope) -> Target:
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


def _reconciled(target: Target, connection: Connection, connector: Connector, scope: IngestionScope) -> Target:
    """Return the target, once a day with an earlier start. Manual ingestion keeps its own start."""
    if target.since is None or target.through is None or scope.full or scope.dry_run or scope.since is not None:
        return target
    since = start_of_walk(
        target.since,
        through=target.through,
        now=timezone.now(),
        days=connection.reconcile_days,
        name=target.external_id if connector.asks_one_by_one else connection.name,
    )
    return replace(target, since=since)


def _walk(
    connector: Connector,
    walk: Walk,
    connection: Connection,
    scope: IngestionScope,
    report: Report,
    until: "_Until",
    ahead: ReadAhead,
) -> PartnerError | None:
    now = timezone.now()
    # Manual ingestion with its own start ignores the daily reconciliation.
    by_hand = scope.full or scope.dry_run or scope.since is not None
    checkpoint = Checkpoint("", now) if by_hand else Checkpoint.of(connection.name, walk, now=now)
    until.resumed = checkpoint.resumed
    unseen = _open_runs(walk.targets)
    passed_on: tuple[type[Exception], ...] = (DatabaseError, *until.stop.interrupts)
    pages = 0
    log = PageLog(connection.name, walk.targets)
    try:
        for page in _pages(connector, walk, checkpoint.position, unseen, until, ahead):
            log.stored(_store(page, scope, report))
            pages += 1
            if unseen:
                unseen -= page.runs.keys()
            if not by_hand:
                checkpoint.reached(page.source.position)
        if until.is_reached:
            report.unfinished = True
            checkpoint.save()
            return None
    except PartnerError as error:
        if checkpoint.resumed and not pages and not isinstance(error, Unavailable | TokenRefused):
            checkpoint.clear()  # the partner no longer accepts this position
        log.failed(error)
        mark_failed(walk.targets, error, scope, report)
        return error
    except passed_on:
        raise
    except Exception as error:  # a bug in one connector must not stop the others
        logger.exception("connection %s: unexpected error", connection.name)
        ahead.settle()
        failure = PartnerError(f"CHM could not read the partner's answer ({type(error).__name__}); see the log")
        log.failed(failure)
        mark_failed(walk.targets, failure, scope, report)
        return failure
    report.pipelines_processed += len(walk.targets)
    if not scope.dry_run:
        mark_walked(walk.targets, connection, connector, scope, checkpoint.through)
    checkpoint.clear()
    return None


@dataclass(slots=True)
class _Until:
    """Ends the pages of a walk when its ingestion has to stop."""

    stop: StopCondition
    share: float
    resumed: bool = False
    read: int = 0
    is_reached: bool = False

    def pages(self, pages: Iterator[Page]) -> Iterator[Page]:
        for page in pages:
            yield page
            self.read += 1
            # The last page of the earlier task is read again; without a further page there would be no progress.
            if self.stop.reached(self.share) and (self.read > 1 or not self.resumed):
                self.is_reached = True
                return


@dataclass(frozen=True, slots=True)
class _ReadyPage:
    source: Page
    runs: PreparedRuns


def _pages(
    connector: Connector, walk: Walk, start: Position | None, unseen: set[OpenKey], until: _Until, ahead: ReadAhead
) -> Iterator[_ReadyPage]:
    """Yield the pages of the walk, and then of stored open runs that it did not return; the caller updates `unseen`."""
    yield from ahead.pages(_ready(until.pages(walk.pages(start))))
    if not until.is_reached:
        yield from _ready(until.pages(connector.reread(_described(unseen, walk.targets))))


def _ready(pages: Iterator[Page]) -> Iterator[_ReadyPage]:
    for page in pages:
        runs = prepared(page.events)
        page.events = []  # so that a page that waits needs less memory
        yield _ReadyPage(page, runs)


def _store(page: _ReadyPage, scope: IngestionScope, report: Report) -> Mapping[Outcome, int]:
    with transaction.atomic():
        results = record_prepared(page.runs)
        if scope.dry_run:
            transaction.set_rollback(True)
    outcomes = count(results)
    report.add(page.source, outcomes)
    for result in results:
        if result.outcome is Outcome.REJECTED and len(report.rejections) < MAX_REPORTED_REJECTIONS:
            report.rejections.append(str(result.error))
            logger.warning("connection %s: rejected: %s", report.connection, result.error)
    return outcomes


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
