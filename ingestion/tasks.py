"""The Celery task that ingests, and the schedule of beat. Beat, the API and the console start the task."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from celery import Task, shared_task
from celery.exceptions import Ignore, SoftTimeLimitExceeded
from django.conf import settings
from django.db.models import Min

from chm_project.telemetry.metrics import record_walk
from ingestion.assignment import assign_pipelines
from ingestion.circuit import CircuitBreaker
from ingestion.connections import ConfigurationError, Connection, configured_connections
from ingestion.graceful_stop import worker_is_stopping
from ingestion.locks import named_lock
from ingestion.report import Report, totals
from ingestion.schedule import Phased
from ingestion.scope import IngestionScope, StopCondition
from ingestion.services import ingest_connection
from inventory.models import Pipeline

logger = logging.getLogger(__name__)

PROGRESS = "PROGRESS"
# A scheduled task that waits in the queue expires after this share of the interval, because the next task replaces it.
EXPIRY_SHARE = 0.9
# A task stops at the end of a page after this share of its soft time limit. The rest is enough to finish the page.
SOFT_LIMIT_SHARE = 0.75
BUSY_MESSAGE = "Another ingestion of this connection is running. Try again when it has ended."


@shared_task(bind=True, name="ingestion.ingest")
def ingest(
    self: "Task[..., Any]",
    connection: str | None = None,
    client_id: str | None = None,
    pipeline_id: str | None = None,
    *,
    requested: bool = False,
    done: Sequence[str] = (),
    counted: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Ingest one connection, or all of them in turn, limited to a client or pipeline if given.

    Return the request and the counts. When its time is up, the task enqueues itself again with the same id, the names
    of the finished connections (`done`) and the counts so far (`counted`). `requested` is true if the API or the
    console started the ingestion. A requested ingestion does not expire, and ignores an open circuit breaker.
    """
    request = {"connection": connection, "client_id": client_id, "pipeline_id": pipeline_id}
    scope = IngestionScope(
        client_id=UUID(client_id) if client_id else None, pipeline_id=UUID(pipeline_id) if pipeline_id else None
    )
    reports: list[Report] = []
    stop, finished = _stop_condition(), list(done)

    def show_progress(_walked: int = 0) -> None:
        if self.request.id:
            self.update_state(state=PROGRESS, meta=request | totals(reports, counted))

    connections = configured_connections()
    names = [connection] if connection else list(connections)
    for name, pipelines in assign_pipelines(connections, names).items():
        # Also a connection without pipelines reads the source's list, so that users can adopt pipelines from it.
        if name in finished or not (scope.is_everything or any(map(scope.covers, pipelines))):
            continue
        if _must_wait(connections[name], requested=requested):
            continue
        reports.append(report := Report(name))
        show_progress()
        with named_lock(name) as acquired:
            if acquired:
                ingest_connection(connections[name], pipelines, scope, report=report, stop=stop, on_walk=show_progress)
            else:
                report.errors.append({"connection": name, "pipeline": None, "error": BUSY_MESSAGE})
        logger.info("connection %s: %s", name, report.summary())
        _set_metrics(connections[name], pipelines, report)
        if report.unfinished and self.request.id:
            show_progress()
            progress = {"requested": requested, "done": finished, "counted": totals(reports, counted)}
            options = {} if requested else _expiry_option(connections[name])
            # The same id, because the caller of the API reads the state by it.
            self.apply_async(task_id=self.request.id, kwargs=request | progress, **options)
            raise Ignore  # without it, Celery would replace the state PROGRESS of this id by SUCCESS
        finished.append(name)
    return request | totals(reports, counted)


def _set_metrics(connection: Connection, pipelines: Sequence[Pipeline], report: Report) -> None:
    """Set the connection's times for /metrics.

    The watermark of a connection is the oldest watermark of its pipelines, or None if a pipeline has none.
    """
    ids = [pipeline.pk for pipeline in pipelines]
    if Pipeline.objects.filter(pk__in=ids, ingested_through=None).exists():
        watermark = None
    else:
        watermark = Pipeline.objects.filter(pk__in=ids).aggregate(oldest=Min("ingested_through"))["oldest"]
    record_walk(
        connection.name,
        interval_seconds=connection.interval_seconds,
        has_succeeded=report.pipelines_processed > 0 or not (report.errors or report.unfinished),
        watermark=watermark,
    )


def _expiry_option(connection: Connection) -> dict[str, Any]:
    return {"expires": connection.interval_seconds * EXPIRY_SHARE}


def _must_wait(connection: Connection, *, requested: bool) -> bool:
    """Return whether the circuit breaker pauses a scheduled walk.

    A requested walk ignores it, so that a user who repaired the partner sees the result immediately.
    """
    pause = 0 if requested else CircuitBreaker(connection.name, connection.interval_seconds).pause_seconds()
    if pause:
        logger.info("connection %s: paused for another %.0f s", connection.name, pause)
    return bool(pause)


def _stop_condition() -> StopCondition:
    """Return when the task stops at the end of a page: before its soft time limit, or when its worker stops."""
    return StopCondition(
        settings.CELERY_TASK_SOFT_TIME_LIMIT * SOFT_LIMIT_SHARE, worker_is_stopping, interrupts=(SoftTimeLimitExceeded,)
    )


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Return one entry per connection. If the configuration is invalid, log the mistakes and return no entry."""
    try:
        connections = configured_connections()
    except ConfigurationError as error:
        logger.error("nothing is scheduled: %s", error)  # noqa: TRY400 - the message names the mistakes
        return {}
    return {
        f"ingest {connection.name}": {
            "task": ingest.name,
            "schedule": Phased(connection.interval_seconds, connection.name),
            "args": [connection.name],
            "options": _expiry_option(connection),
        }
        for connection in connections.values()
    }
