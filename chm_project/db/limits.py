"""Limit how long a statement runs and waits for a lock, by kind of work.

A process has default limits; a web request sets stricter ones by its path, a report longer ones for its statements.
Each pooled connection gets the limits of the work that uses it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

# The client waits this much longer than the server, so it ends only statements of a frozen server.
MARGIN_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in seconds; 0 is no limit."""

    statement: float
    lock: float

    @property
    def deadline(self) -> float | None:
        return self.statement + MARGIN_SECONDS if self.statement else None


NO_LIMITS = Limits(0, 0)  # commands that users start, such as migrate
# Decision 0019 has the table of these limits.
PAGE = Limits(statement=20, lock=2)
API = Limits(statement=10, lock=1)
REPORT = Limits(statement=30, lock=2)
TASK = Limits(statement=300, lock=30)

_of_process = NO_LIMITS
_of_request: ContextVar[Limits | None] = ContextVar("limits", default=None)


def limit_process(limits: Limits) -> None:
    """Set the default limits of this process."""
    global _of_process
    _of_process = limits


def current() -> Limits:
    return _of_request.get() or _of_process


@contextmanager
def limited(limits: Limits) -> Iterator[None]:
    """Apply limits to a request, if its process has limits."""
    if _of_process is NO_LIMITS:
        yield
        return
    token = _of_request.set(limits)
    try:
        yield
    finally:
        _of_request.reset(token)


@contextmanager
def report_limits(database: BaseDatabaseWrapper) -> Iterator[None]:
    """Allow the statements within to take as long as a report; use it inside a transaction."""
    pooled = database.connection
    former = getattr(pooled, "limits", NO_LIMITS)
    with database.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {REPORT.statement * 1000:.0f}")
        if former is not NO_LIMITS:
            pooled.limits = REPORT
        try:
            yield
        finally:
            if former is not NO_LIMITS:
                pooled.limits = former
        # In a transaction of the caller the limit would otherwise stay after the report.
        cursor.execute(f"SET LOCAL statement_timeout = {former.statement * 1000:.0f}")
