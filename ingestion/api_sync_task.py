"""Start an ingestion on request and read its state. Celery's result backend keeps the state for a day."""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID, uuid4

from celery import current_app
from celery.result import AsyncResult
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from ingestion.assignment import why_not_ingested
from ingestion.connections import ConfigurationError, configured_connections
from ingestion.report import COUNT_FIELDS, totals
from ingestion.tasks import PROGRESS, ingest
from inventory.models import Pipeline

QUEUED = "QUEUED"
# The API's state for each of Celery's states. Any other state, such as FAILURE or REVOKED, is "failed".
_API_STATES = {QUEUED: "queued", PROGRESS: "running", "STARTED": "running", "RETRY": "running", "SUCCESS": "succeeded"}


class QueueUnavailable(Exception):
    """The queue is not reachable, so the ingestion was not started, or its state cannot be read."""


@dataclass(frozen=True, slots=True)
class IngestionRequest:
    """What to ingest. All connections if all fields are None."""

    connection: str | None = None
    client_id: str | None = None
    pipeline_id: str | None = None


class NotIngested(ConfigurationError):
    """The requested pipeline is not ingested by the requested connections."""


def start_ingestion(request: IngestionRequest) -> UUID:
    """Enqueue the ingestion and return its task id.

    Raise ConfigurationError for an unknown connection, NotIngested for a pipeline that this request would not ingest,
    and QueueUnavailable if the queue is not reachable.
    """
    connections = configured_connections()
    if request.connection is not None and request.connection not in connections:
        raise ConfigurationError([f"There is no connection {request.connection!r}."])
    if request.pipeline_id is not None:
        pipeline = Pipeline.objects.get(pk=request.pipeline_id)
        if reason := why_not_ingested(pipeline, connections, name=request.connection, client_id=request.client_id):
            raise NotIngested([reason])
    task_id = uuid4()
    try:
        # Celery returns PENDING both for a task that has not started and for an unknown id. So CHM stores the state
        # QUEUED. It does this before apply_async. Otherwise QUEUED could replace a state that the started task stored.
        ingest.backend.store_result(str(task_id), asdict(request) | totals([]), QUEUED)
        ingest.apply_async(task_id=str(task_id), kwargs=asdict(request) | {"requested": True})
    except (OperationalError, RedisError, OSError) as error:
        raise QueueUnavailable from error
    return task_id


def read_task_state(task_id: UUID) -> tuple[IngestionRequest, dict[str, Any]] | None:
    """Return the request and its state, or None for an unknown or expired task.

    Raise QueueUnavailable if the state cannot be read.
    """
    result: AsyncResult[Any] = AsyncResult(str(task_id), app=current_app)
    try:
        meta = result.backend.get_task_meta(str(task_id))
    except (RedisError, OSError) as error:
        raise QueueUnavailable from error
    stored_result = meta.get("result")
    if meta["status"] == "PENDING":
        return None
    if not isinstance(stored_result, dict) or "client_id" not in stored_result:
        # The task raised an exception, which Celery stored instead of the request and the counts.
        stored_result = asdict(IngestionRequest()) | totals([])
        stored_result["errors"] = [
            {"connection": "", "pipeline": None, "error": "The ingestion was aborted; see the worker's log."}
        ]
    request = IngestionRequest(stored_result["connection"], stored_result["client_id"], stored_result["pipeline_id"])
    counts = {name: stored_result[name] for name in (*COUNT_FIELDS, "errors")}
    return request, {"task_id": task_id, "state": _API_STATES.get(meta["status"], "failed"), **counts}
