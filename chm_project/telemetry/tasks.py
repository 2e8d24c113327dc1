"""Write one log line for each task, and count it in the metrics.

The headers of a task contain the id of the request that enqueued it, and the time at which it was enqueued.
"""

import logging
import time
from typing import Any

from celery.signals import before_task_publish, task_postrun, task_prerun, worker_init, worker_process_init

from chm_project.telemetry.context import begin_task, current_request_id, end_task, set_process_role
from chm_project.telemetry.metrics import count_task, count_task_wait, record_pool
from chm_project.telemetry.process_values import forget_ended_gauges

logger = logging.getLogger("chm.task")

REQUEST_ID_HEADER, ENQUEUED_AT_HEADER = "chm_request_id", "chm_enqueued_at"
# By task id: the start time of each running task, and the ids that log_and_count() restores when the task ends.
_running_tasks: dict[str, tuple[float, tuple[str, str]]] = {}


@before_task_publish.connect
def add_headers(headers: dict[str, Any], **_: Any) -> None:
    headers[ENQUEUED_AT_HEADER] = time.time()
    if request_id := current_request_id():
        headers[REQUEST_ID_HEADER] = request_id


@task_prerun.connect
def begin_measuring(task_id: str, task: Any, **_: Any) -> None:
    previous_ids = begin_task(task_id, str(getattr(task.request, REQUEST_ID_HEADER, None) or ""))
    _running_tasks[task_id] = time.perf_counter(), previous_ids
    if enqueued_at := getattr(task.request, ENQUEUED_AT_HEADER, None):
        count_task_wait(task.name, time.time() - float(enqueued_at))


@task_postrun.connect
def log_and_count(task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
    started_at, previous_ids = _running_tasks.pop(task_id)
    seconds = time.perf_counter() - started_at
    state = state or "UNKNOWN"
    count_task(task.name, state, seconds)
    record_pool()
    fields = {"task": task.name, "state": state, "ms": round(seconds * 1000, 1)}
    logger.info("%(task)s %(state)s in %(ms)s ms", fields, extra=fields)
    end_task(previous_ids)


@worker_init.connect
def name_worker(**_: Any) -> None:
    set_process_role("worker")
    # A connection may have been renamed or removed. The other connections set their gauges again in their next walk.
    forget_ended_gauges()


@worker_process_init.connect
def name_worker_process(**_: Any) -> None:
    set_process_role("worker")
