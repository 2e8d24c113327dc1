"""Ingestion on a schedule: beat enqueues one task per connection, the workers share them."""

import logging
from typing import Any
from uuid import UUID

from celery import Task, shared_task
from django.conf import settings

from ingestion.circuit import Circuit
from ingestion.connections import ConfigurationError, configured
from ingestion.graceful_stop import worker_is_stopping
from ingestion.locks import connection_lock
from ingestion.schedule import Phased
from ingestion.services import Limit, Report, Scope, assign, ingest_connection

logger = logging.getLogger(__name__)

# A task that waited longer than its period has been overtaken by the next one.
EXPIRES_SHARE = 0.9
# What is left of the soft time limit is for the page that is being read when this part is up.
LIMIT_SHARE = 0.75


def limit() -> Limit:
    """A task ends at the end of a page, before its time limit, and when its worker has to end."""
    return Limit(settings.CELERY_TASK_SOFT_TIME_LIMIT * LIMIT_SHARE, worker_is_stopping)


@shared_task(bind=True, name="ingestion.ingest")
def ingest(
    self: "Task[..., Any]", connection_name: str, client_id: str | None = None, pipeline_id: str | None = None
) -> dict[str, Any]:
    """Ingests one connection, or one client's or pipeline's part of it; answers with its report.

    What does not end within the limit is enqueued again, and goes on where it stopped.
    """
    connections = configured()
    connection = connections[connection_name]
    report = Report(connection_name)
    if pause := Circuit(connection_name, connection.interval_seconds).pause():
        logger.info("connection %s: left alone for another %.0f s", connection_name, pause)
        return report.as_dict()
    scope = Scope(
        client_id=UUID(client_id) if client_id else None, pipeline_id=UUID(pipeline_id) if pipeline_id else None
    )
    with connection_lock(connection_name) as free:
        if not free:
            logger.info("connection %s: another walk is under way", connection_name)
            return report.as_dict()

        def show_progress(_walked: int) -> None:
            if self.request.id:
                self.update_state(state="PROGRESS", meta=report.as_dict())

        pipelines = assign(connections).pipelines[connection_name]
        ingest_connection(connection, pipelines, scope, report=report, limit=limit(), on_walk=show_progress)
    if report.unfinished and self.request.id:
        self.apply_async((connection_name, client_id, pipeline_id), expires=connection.interval_seconds * EXPIRES_SHARE)
    logger.info("connection %s: %s", connection_name, summary(report))
    return report.as_dict()


def summary(report: Report) -> str:
    return (
        f"{report.pages_processed} pages, {report.created} created, {report.updated} updated, "
        f"{report.unchanged} unchanged, {report.stale} stale, {report.rejected} rejected, {len(report.errors)} errors"
        + (", to be continued" if report.unfinished else "")
    )


def beat_schedule() -> dict[str, dict[str, Any]]:
    """One entry per connection; without a usable configuration there is nothing to schedule, and the log says why."""
    try:
        connections = configured()
    except ConfigurationError as error:
        logger.error("nothing is scheduled: %s", error)  # noqa: TRY400 - the mistake is the message
        return {}
    return {
        f"ingest {connection.name}": {
            "task": ingest.name,
            "schedule": Phased(connection.interval_seconds, connection.name),
            "args": [connection.name],
            "options": {"expires": connection.interval_seconds * EXPIRES_SHARE},
        }
        for connection in connections.values()
    }
