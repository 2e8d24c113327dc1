"""Start an ingestion on request and read its state, which the result backend keeps for a day."""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID, uuid4

from celery import current_app
from celery.result import AsyncResult
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from ingestion.connections import ConfigurationError, configured
from ingestion.report import COUNTS, totals
from ingestion.tasks import PROGRESS, ingest

QUEUED = "QUEUED"
_STATES = {QUEUED: "queued", PROGRESS: "running", "STARTED": "running", "RETRY": "running", "SUCCESS": "succeeded"}


class QueueUnavailable(Exception):
    """The queue is not reachable: nothing was started, or the state is unknown."""


@dataclass(frozen=True, slots=True)
class IngestionRequest:
    """What to ingest."""

    connection: str | None = None
    client_id: str | None = None
    pipeline_id: str | None = None


def start(request: IngestionRequest) -> UUID:
    """Queue the ingestion and return its task id.

    Raise QueueUnavailable, and ConfigurationError for an unknown connection.
    """
    connections = configured()
    if request.connection is not None and request.connection not in connections:
        raise ConfigurationError([f"There is no connection {request.connection!r}."])
    task_id = uuid4()
    try:
        # Celery stores nothing for a task that has not started, so it would look like an unknown id.
        ingest.backend.store_result(str(task_id), asdict(request) | totals([]), QUEUED)
        ingest.apply_async(task_id=str(task_id), kwargs=asdict(request) | {"requested": True})
    except (OperationalError, RedisError, OSError) as error:
        raise QueueUnavailable from error
    return task_id


def state(task_id: UUID) -> tuple[IngestionRequest, dict[str, Any]] | None:
    """Return the request and its state, or None for an unknown or expired task."""
    result: AsyncResult[Any] = AsyncResult(str(task_id), app=current_app)
    try:
        meta = result.backend.get_task_meta(str(task_id))
    except (RedisError, OSError) as error:
        raise QueueUnavailable from error
    kept = meta.get("result")
    if meta["status"] == "PENDING":
        return None
    if not isinstance(kept, dict) or "client_id" not in kept:
        # It failed with only an exception, which is in the worker's log.
        kept = asdict(IngestionRequest()) | totals([])
        kept["errors"] = [
            {"connection": "", "pipeline": None, "error": "The ingestion broke off; see the worker's log."}
        ]
    request = IngestionRequest(kept["connection"], kept["client_id"], kept["pipeline_id"])
    numbers = {name: kept[name] for name in (*COUNTS, "errors")}
    return request, {"task_id": task_id, "state": _STATES.get(meta["status"], "failed"), **numbers}
