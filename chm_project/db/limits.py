"""How long a statement may run and wait for a lock, by kind of work.

A process has one kind; a web request narrows it by its path, a report widens it for its own statements. Every
connection of the pool is set to the limits of the work that borrows it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.db import connection

# The client waits a little longer than the server: only a server that no longer answers reaches this.
MARGIN_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """In seconds; 0 is no limit."""

    statement: float
    lock: float

    @property
    def deadline(self) -> float | None:
        return self.statement + MARGIN_SECONDS if self.statement else None


NONE = Limits(0, 0)  # commands that people start, such as migrate
PAGE = Limits(statement=20, lock=2)
API = Limits(statement=10, lock=1)
REPORT = Limits(statement=30, lock=2)
TASK = Limits(statement=300, lock=30)

_of_process = NONE
_of_request: ContextVar[Limits | None] = ContextVar("limits", default=None)


def limit_process(limits: Limits) -> None:
    """For all work of this process that says nothing narrower."""
    global _of_process
    _of_process = limits


def current() -> Limits:
    return _of_request.get() or _of_process


@contextmanager
def limited(limits: Limits) -> Iterator[None]:
    """For a request that runs in a process with limits; other processes keep their own."""
    if _of_process is NONE:
        yield
        return
    token = _of_request.set(limits)
    try:
        yield
    finally:
        _of_request.reset(token)


@contextmanager
def report_limits() -> Iterator[None]:
    """Inside a transaction: the statements within may take as long as a report."""
    pooled = connection.connection
    former = getattr(pooled, "limits", NONE)
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {REPORT.statement * 1000:.0f}")
        if former is not NONE:
            pooled.limits = REPORT
        try:
            yield
        finally:
            if former is not NONE:
                pooled.limits = former
        # Within a caller's transaction the limit would last longer than the report.
        cursor.execute(f"SET LOCAL statement_timeout = {former.statement * 1000:.0f}")
