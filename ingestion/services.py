"""Ingest the runs of a connection. The command and the Celery task call this module."""

import gc
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from urllib.parse import quote
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import transaction
from django.utils import timezone

from ingestion.checkpoints import Checkpoint
from ingestion.circuit import CircuitBreaker
from ingestion.connections import ConfigurationError, Connection
from ingestion.connectors.base import Connector, OpenRun, Page, Target, Walk
from ingestion.error_texts import fetch_error_texts
from ingestion.errors import PartnerError, TokenRefused, Unavailable
from ingestion.http import PartnerSession
from ingestion.ingestion_columns import mark_failed, mark_walked
from ingestion.page_log import PageLog
from ingestion.paging import Position
from ingestion.read_ahead import ReadAhead
from ingestion.reconciliation import since_of_walk
from ingestion.report import Report
from ingestion.scope import IngestionScope, StopCondition
from ingestion.source_pipelines import read_source_list
from inventory.models import Pipeline
from runs.models import Run
from runs.services import Outcome, PreparedRuns, count_outcomes, prepare_runs, record_prepared

logger = logging.getLogger(__name__)

# A walk starts this many intervals before the watermark, because clocks differ and a source may show a change late.
OVERLAP_INTERVALS = 2
# The ingestion ends after this many walks in a row without a response. Otherwise, during an outage, CHM would send a
# request and its retries for every pipeline.
MAX_CONSECUTIVE_OUTAGES = 3
MAX_REPORTED_REJECTIONS = 20
# If some pipelines have no watermark yet, the pipelines with a watermark may use only this share of the time. The rest
# of the time is for the first walks of the new pipelines.
TIME_SHARE_OF_WALKED_PIPELINES = 0.75

EVERYTHING = IngestionScope()
OpenRunKey = tuple[UUID, str]  # pipeline_id and external_run_id of an open run


def ingest_connection(
    connection: Connection,
    pipelines: Sequence[Pipeline],
    scope: IngestionScope = EVERYTHING,
    *,
    report: Report | None = None,
    stop: StopCondition | None = None,
    on_walk: Callable[[int], None] = lambda pipeline_count: None,
) -> Report:
    """Walk the pipelines of one connection and return the report. A failed walk does not stop the others.

    1. Store each page of a walk in a transaction of its own.
    2. Request the stored open runs that the walk did not return.
    3. Move the watermarks to the time before the walk's first request. If the walk failed, store the error instead.
    4. After all walks, read the source's list of pipelines if it is due, and fetch missing error texts.

    If `stop` ends a walk early, the report is `unfinished`, and the next ingestion continues at the same page.
    `on_walk` is called after each walk with the number of its pipelines. If the other walks are skipped, it is called
    once with the number of their pipelines. If the caller passes a `report`, it can read the counts during the
    ingestion.
    """
    _freeze_loaded_objects()
    report = Report(connection.name) if report is None else report
    stop = stop or StopCondition()
    targets = [
        _target(pipeline, connection, scope) for pipeline in _longest_waiting_first(pipelines) if scope.covers(pipeline)
    ]
    external_ids = {pipeline.external_id for pipeline in pipelines}
    try:
        auth = connection.create_auth()
    except ConfigurationError as mistake:
        mark_failed(targets, mistake, scope, report)
        return report
    circuit = CircuitBreaker(connection.name, connection.interval_seconds)
    targets_not_walked = {target.pipeline_id: target for target in targets}
    consecutive_outages, allowed_outages = 0, 1 if circuit.is_half_open else MAX_CONSECUTIVE_OUTAGES
    has_responded = False
    has_new_pipelines = any(target.since is None for target in targets)
    session = PartnerSession(
        connection.base_url,
        auth=auth,
        settings=connection.http_settings,
        pause_seconds=circuit.partner_pause_seconds(),
        on_pause=circuit.set_partner_pause,
    )
    with session, ReadAhead() as read_ahead:
        connector = connection.create_connector(session, external_ids.__contains__)
        targets = [_with_reconciliation(target, connection, connector, scope) for target in targets]
        for walk in connector.walks(targets):
            share = TIME_SHARE_OF_WALKED_PIPELINES if has_new_pipelines and walk.since is not None else 1
            if stop.reached(share):
                report.unfinished = True
                continue
            error = _walk(connector, walk, connection, scope, report, _WalkStop(stop, share), read_ahead)
            for target in walk.targets:
                del targets_not_walked[target.pipeline_id]
            on_walk(len(walk.targets))
            has_responded = has_responded or not isinstance(error, Unavailable)
            consecutive_outages = consecutive_outages + 1 if isinstance(error, Unavailable) else 0
            # Do not start the remaining walks, because they would fail in the same way.
            if isinstance(error, TokenRefused) or consecutive_outages >= allowed_outages:
                shared_error = _without_ids(error, walk.targets) if error else None
                mark_failed(list(targets_not_walked.values()), shared_error, scope, report)
                on_walk(len(targets_not_walked))
                break
        # Also for a connection without pipelines, so that users can adopt pipelines from the list.
        if (has_responded or not targets) and not scope.dry_run and not stop.reached():
            if scope.is_everything:
                read_source_list(connection, connector, targets, external_ids, stop, report)
            fetch_error_texts(connector, session, targets, stop, report)
    if has_responded:
        circuit.record_response()
    elif consecutive_outages:
        circuit.record_outage()
    return report


def _without_ids(error: PartnerError, targets: Sequence[Target]) -> PartnerError:
    """Return the error with "…" instead of the external ids of the targets, such as "GET /pipelines/…/runs failed".

    CHM stores it for other pipelines too. Users who are bound to a client must not see ids of other clients.
    """
    message = str(error)
    ids = {text for target in targets for text in (target.external_id, quote(target.external_id, safe=""))}
    # A longer id can contain a shorter one.
    for external_id in sorted(filter(None, ids), key=len, reverse=True):
        if external_id in message:
            message = re.sub(rf"(?<![\w.-]){re.escape(external_id)}(?![\w-])", "…", message)
    return PartnerError(message)


@cache
def _freeze_loaded_objects() -> None:
    """Exclude all current objects from garbage collection, which would otherwise examine them every few pages."""
    gc.freeze()


def _longest_waiting_first(pipelines: Sequence[Pipeline]) -> list[Pipeline]:
    """Return the pipelines with the oldest watermark first, and pipelines without a watermark last.

    If the time ends before all pipelines are walked, the next ingestion starts with those that were not reached.
    """
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
        watermark=pipeline.ingested_through,
    )


def _with_reconciliation(target: Target, connection: Connection, connector: Connector, scope: IngestionScope) -> Target:
    """Return the target. Once a day, its since time is some days earlier, so that the last days are read again.

    In a full ingestion, in a dry run or with `scope.since`, the since time does not change.
    """
    if target.since is None or target.watermark is None or scope.full or scope.dry_run or scope.since is not None:
        return target
    since = since_of_walk(
        target.since,
        watermark=target.watermark,
        now=timezone.now(),
        reconcile_days=connection.reconcile_days,
        spread_by=target.external_id if connector.has_listing_per_pipeline else connection.name,
    )
    return replace(target, since=since)


def _walk(
    connector: Connector,
    walk: Walk,
    connection: Connection,
    scope: IngestionScope,
    report: Report,
    walk_stop: "_WalkStop",
    read_ahead: ReadAhead,
) -> PartnerError | None:
    """Store the pages of a walk and return None, or the error after which the walk ended."""
    now = timezone.now()
    # A full ingestion, a dry run and an ingestion with `since` neither use nor save a position.
    ignores_checkpoint = scope.full or scope.dry_run or scope.since is not None
    checkpoint = Checkpoint("", now) if ignores_checkpoint else Checkpoint.load(connection.name, walk, now=now)
    walk_stop.is_resumed = checkpoint.is_resumed
    keys_not_returned = _open_run_keys(walk.targets)
    fatal_errors: tuple[type[Exception], ...] = (DatabaseError, *walk_stop.stop.interrupts)
    page_count = 0
    page_log = PageLog(connection.name, walk.targets)
    try:
        for page in _pages(connector, walk, checkpoint.position, keys_not_returned, walk_stop, read_ahead):
            page_log.page_stored(_store(page, scope, report))
            page_count += 1
            if keys_not_returned:
                keys_not_returned -= page.runs.keys()
            if not ignores_checkpoint:
                checkpoint.page_stored(page.source.position)
        if walk_stop.is_reached:
            report.unfinished = True
            checkpoint.save()
            return None
    except PartnerError as error:
        if checkpoint.is_resumed and not page_count and not isinstance(error, Unavailable | TokenRefused):
            checkpoint.clear()  # the partner no longer accepts this position, so the next walk starts at the first page
        page_log.page_failed(error)
        mark_failed(walk.targets, error, scope, report)
        return error
    except fatal_errors:
        raise
    except Exception as error:  # a bug in one connector must not stop the others
        logger.exception("connection %s: unexpected error", connection.name)
        read_ahead.discard_pending()
        failure = PartnerError(f"CHM could not read the partner's answer ({type(error).__name__}); see the log")
        page_log.page_failed(failure)
        mark_failed(walk.targets, failure, scope, report)
        return failure
    report.pipelines_processed += len(walk.targets)
    if not scope.dry_run:
        mark_walked(walk.targets, connection, connector, scope, checkpoint.next_watermark)
    checkpoint.clear()
    return None


@dataclass(slots=True)
class _WalkStop:
    """Ends the pages of a walk when the ingestion has to stop. `is_reached` is true if it has ended them."""

    stop: StopCondition
    share: float
    is_resumed: bool = False
    pages_read: int = 0
    is_reached: bool = False

    def pages(self, pages: Iterator[Page]) -> Iterator[Page]:
        for page in pages:
            yield page
            self.pages_read += 1
            # A resumed walk first repeats the last page of the task before. Then it reads at least one new page, so
            # that every task makes progress.
            if self.stop.reached(self.share) and (self.pages_read > 1 or not self.is_resumed):
                self.is_reached = True
                return


@dataclass(frozen=True, slots=True)
class _PreparedPage:
    """A page whose runs are ready to be written."""

    source: Page
    runs: PreparedRuns


def _pages(
    connector: Connector,
    walk: Walk,
    start_position: Position | None,
    keys_not_returned: set[OpenRunKey],
    walk_stop: _WalkStop,
    read_ahead: ReadAhead,
) -> Iterator[_PreparedPage]:
    """Yield the pages of the walk, then pages with the stored open runs that the walk did not return.

    `keys_not_returned` starts with the keys of all stored open runs. The caller removes the runs of each page from it.
    """
    yield from read_ahead.pages(_prepare(walk_stop.pages(walk.pages(start_position))))
    if not walk_stop.is_reached:
        yield from _prepare(
            walk_stop.pages(connector.reread_open_runs(_open_run_details(keys_not_returned, walk.targets)))
        )


def _prepare(pages: Iterator[Page]) -> Iterator[_PreparedPage]:
    for page in pages:
        runs = prepare_runs(page.events)
        page.events = []  # no longer needed; a page that waits to be stored then uses less memory
        yield _PreparedPage(page, runs)


def _store(page: _PreparedPage, scope: IngestionScope, report: Report) -> Mapping[Outcome, int]:
    with transaction.atomic():
        results = record_prepared(page.runs)
        if scope.dry_run:
            transaction.set_rollback(True)
    outcomes = count_outcomes(results)
    report.add_page(page.source, outcomes)
    for result in results:
        if result.outcome is Outcome.REJECTED and len(report.rejections) < MAX_REPORTED_REJECTIONS:
            report.rejections.append(str(result.error))
            logger.warning("connection %s: rejected: %s", report.connection, result.error)
    return outcomes


def _open_run_keys(targets: Sequence[Target]) -> set[OpenRunKey]:
    """Return the keys of the stored open runs."""
    ids = [target.pipeline_id for target in targets]
    return set(Run.objects.still_open().filter(pipeline_id__in=ids).values_list("pipeline_id", "external_run_id"))


def _open_run_details(keys: set[OpenRunKey], targets: Sequence[Target]) -> list[OpenRun]:
    """Return the open runs with these keys. Their payloads are large, so they are read only after the walk."""
    if not keys:
        return []
    external_ids = {target.pipeline_id: target.external_id for target in targets}
    runs = Run.objects.still_open().filter(pipeline_id__in={pipeline_id for pipeline_id, _ in keys})
    return [
        OpenRun(run.pipeline_id, external_ids[run.pipeline_id], run.external_run_id, run.started_at, run.payload)
        for run in runs.only("pipeline_id", "external_run_id", "started_at", "payload").order_by("id")
        if (run.pipeline_id, run.external_run_id) in keys
    ]
