"""The ids of the current request and task, for log lines. A task also has the id of the request that enqueued it."""

import logging
from contextvars import ContextVar

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_task_id: ContextVar[str] = ContextVar("task_id", default="")

# The kind of this process: web, worker, beat, or command.
_role = "command"


def set_process_role(role: str) -> None:
    global _role
    _role = role


def process_role() -> str:
    return _role


def current_request_id() -> str:
    """Return the id of this thread's current or last request; "" before the first one."""
    return _request_id.get()


def current_task_id() -> str:
    return _task_id.get()


def begin_request(request_id: str) -> None:
    # Do not reset the id at the end of the request: Django logs a failed request after all middleware has returned.
    _request_id.set(request_id)


def begin_task(task_id: str, request_id: str) -> tuple[str, str]:
    """Set the ids of the task, and return the previous ids, which `end_task` restores.

    The previous ids are not empty if a request or another task runs this task directly, without a worker.
    """
    previous = _task_id.get(), _request_id.get()
    _task_id.set(task_id)
    _request_id.set(request_id or previous[1])
    return previous


def end_task(previous: tuple[str, str]) -> None:
    _task_id.set(previous[0])
    _request_id.set(previous[1])


class ContextFilter(logging.Filter):
    """Add `role` (the kind of process) to each log record, and `request_id` and `task_id` if they are set."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.role = process_role()
        if request_id := _request_id.get():
            record.request_id = request_id
        if task_id := _task_id.get():
            record.task_id = task_id
        return True
