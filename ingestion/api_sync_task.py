"""An ingestion started on demand: queued for a worker, its state kept by the result backend for a day."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from celery import Task, current_app, shared_task
from celery.exceptions import Ignore
from celery.result import AsyncResult
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from ingestion.connections import ConfigurationError, configured
from ingestion.locks import connection_lock
from ingestion.services import Report, Scope, assign, ingest_connection
from ingestion.tasks import limit as task_limit

logger = logging.getLogger(__name__)

QUEUED, PROGRESS = "QUEUED", "PROGRESS"
_STATES = {QUEUED: "queued", PROGRESS: "running", "STARTED": "running", "RETRY": "running", "SUCCESS": "succeeded"}
COUNTS = (
    "pipelines_processed", "pages_processed", "runs_processed", "created", "updated", "unchanged", "stale", "rejected",
    "unknown_pipelines",
)  # fmt: skip


class QueueUnavailable(Exception):
    """The queue cannot be reached: nothing was started, or nothing can be said of it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, and on behalf of which binding: others must not learn of it."""

    connection: str | None = None
    client_id: str | None = None
    pipeline_id: str | None = None


def start(asked: Asked) -> UUID:
    """Queues the ingestion; raises QueueUnavailable, and ConfigurationError for a connection that does not exist."""
    connections = configured()
    if asked.connection is not None and asked.connection not in connections:
        raise ConfigurationError([f"There is no connection {asked.connection!r}."])
    task_id = uuid4()
    kwargs = {"connection": asked.connection, "client_id": asked.client_id, "pipeline_id": asked.pipeline_id}
    try:
        # Celery keeps nothing of a task that nobody has begun, and could not tell it from one that never was.
        sync.backend.store_result(str(task_id), kwargs | _counts([]), QUEUED)
        sync.apply_async(task_id=str(task_id), kwargs=kwargs)
    except (OperationalError, RedisError, OSError) as error:
        raise QueueUnavailable from error
    return task_id


def state(task_id: UUID) -> tuple[Asked, dict[str, Any]] | None:
    """What was asked and where it stands; None for a task that never was, or has been forgotten."""
    result: AsyncResult[Any] = AsyncResult(str(task_id), app=current_app)
    try:
        meta = result.backend.get_task_meta(str(task_id))
    except (RedisError, OSError) as error:
        raise QueueUnavailable from error
    kept = meta.get("result")
    if meta["status"] == "PENDING":
        return None
    if not isinstance(kept, dict) or "client_id" not in kept:
        # It broke off in a way that left nothing but the exception, which is in the worker's log.
        kept = {"connection": None, "client_id": None, "pipeline_id": None} | _counts([])
        kept["errors"] = [
            {"connection": "", "pipeline": None, "error": "The ingestion broke off; see the worker's log."}
        ]
    asked = Asked(kept["connection"], kept["client_id"], kept["pipeline_id"])
    numbers = {name: kept[name] for name in (*COUNTS, "errors")}
    return asked, {"task_id": task_id, "state": _STATES.get(meta["status"], "failed"), **numbers}


@shared_task(bind=True, name="ingestion.sync")
def sync(
    self: "Task[..., Any]",
    connection: str | None = None,
    client_id: str | None = None,
    pipeline_id: str | None = None,
    done: Sequence[str] = (),
    counted: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Ingests one connection after the other, as far as they concern the client or pipeline asked for.

    When the time of a task is up it is enqueued again under the same id, with the connections that are `done` and what
    was `counted` so far.
    """
    asked = {"connection": connection, "client_id": client_id, "pipeline_id": pipeline_id}
    scope = Scope(
        client_id=UUID(client_id) if client_id else None, pipeline_id=UUID(pipeline_id) if pipeline_id else None
    )
    reports: list[Report] = []
    limit, finished = task_limit(), list(done)

    def show_progress(_walked: int = 0) -> None:
        if self.request.id:
            self.update_state(state=PROGRESS, meta=asked | _counts(reports, counted))

    connections = configured()
    assignment = assign(connections)
    for name in [connection] if connection else list(connections):
        pipelines = assignment.pipelines[name]
        if name in finished or not any(map(scope.takes, pipelines)):
            continue
        reports.append(report := Report(name))
        show_progress()
        with connection_lock(name) as free:
            if free:
                ingest_connection(
                    connections[name], pipelines, scope, report=report, limit=limit, on_walk=show_progress
                )
            else:
                busy = "Another ingestion of this connection is under way; what it stores is as new."
                report.errors.append({"connection": name, "pipeline": None, "error": busy})
        if report.unfinished and self.request.id:
            show_progress()
            kept = {"done": finished, "counted": _counts(reports, counted)}
            self.apply_async(task_id=self.request.id, kwargs=asked | kept)
            raise Ignore  # the state stays as shown, until the next task of this id
        finished.append(name)
    return asked | _counts(reports, counted)


def _counts(reports: list[Report], before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    before = before or {}
    numbers: dict[str, Any] = {
        name: before.get(name, 0) + sum(getattr(report, name) for report in reports) for name in COUNTS
    }
    return numbers | {"errors": [*before.get("errors", ()), *(error for report in reports for error in report.errors)]}
