"""What a line of log belongs to: the request, and the task, which carries the id of the request that enqueued it."""

import logging
from contextvars import ContextVar

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_task_id: ContextVar[str] = ContextVar("task_id", default="")

# What this process is: web, worker, beat, or a command that a person started.
_role = "command"


def name_process(role: str) -> None:
    global _role
    _role = role


def process_role() -> str:
    return _role


def current_request_id() -> str:
    """Return the id of the request that this thread answers, or answered last; empty before the first one."""
    return _request_id.get()


def current_task_id() -> str:
    return _task_id.get()


def begin_request(request_id: str) -> None:
    # Not reset afterwards: Django logs a failed request when the middleware is done.
    _request_id.set(request_id)


def begin_task(task_id: str, request_id: str) -> tuple[str, str]:
    """Return the ids before, for `end_task`: a task that is called directly runs within a request or another task."""
    before = _task_id.get(), _request_id.get()
    _task_id.set(task_id)
    _request_id.set(request_id or before[1])
    return before


def end_task(before: tuple[str, str]) -> None:
    _task_id.set(before[0])
    _request_id.set(before[1])


class ContextFilter(logging.Filter):
    """Add what the process is, and to the records of a request or task `request_id` and `task_id`."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.role = process_role()
        if request_id := _request_id.get():
            record.request_id = request_id
        if task_id := _task_id.get():
            record.task_id = task_id
        return True
