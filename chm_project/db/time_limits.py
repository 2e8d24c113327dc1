"""Limit how long a database statement runs and waits for a lock.

Each process has default limits. A web request sets the limits of a page or of the API, and a report has longer limits
for its own statements. A pooled connection gets the limits of the request or task that uses it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from django.db.backends.base.base import BaseDatabaseWrapper

# CHM waits this much longer than the server's limit. So CHM ends only statements that a frozen server does not cancel.
MARGIN_SECONDS = 2


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Time limits of a statement and of each of its waits for a lock; 0 is no limit."""

    statement_seconds: float
    lock_seconds: float

    @property
    def deadline_seconds(self) -> float | None:
        """Return after how many seconds CHM itself ends a statement; None without a limit."""
        return self.statement_seconds + MARGIN_SECONDS if self.statement_seconds else None


NO_LIMITS = TimeLimits(0, 0)  # for commands that users start, such as migrate
# Decision 0019 has the table of these limits.
PAGE = TimeLimits(statement_seconds=20, lock_seconds=2)
API = TimeLimits(statement_seconds=10, lock_seconds=1)
REPORT_STATEMENT_SECONDS = 30
TASK = TimeLimits(statement_seconds=300, lock_seconds=30)

_process_limits = NO_LIMITS
_request_limits: ContextVar[TimeLimits | None] = ContextVar("limits", default=None)


def limit_process(limits: TimeLimits) -> None:
    """Set the default limits of this process."""
    global _process_limits
    _process_limits = limits


def current_limits() -> TimeLimits:
    """Return the limits of the current request; outside a request, those of the process."""
    return _request_limits.get() or _process_limits


@contextmanager
def request_limits(limits: TimeLimits) -> Iterator[None]:
    """Apply the limits inside the block. Without limits of the process, as in tests, do nothing."""
    if _process_limits is NO_LIMITS:
        yield
        return
    token = _request_limits.set(limits)
    try:
        yield
    finally:
        _request_limits.reset(token)


@contextmanager
def report_limits(database: BaseDatabaseWrapper) -> Iterator[None]:
    """Allow the statements inside the block to take as long as a report. Call it inside a transaction."""
    pooled_connection = database.connection
    limits_before = getattr(pooled_connection, "limits", NO_LIMITS)
    with database.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {REPORT_STATEMENT_SECONDS * 1000}")
        if limits_before is not NO_LIMITS:
            pooled_connection.limits = replace(limits_before, statement_seconds=REPORT_STATEMENT_SECONDS)
        try:
            yield
        finally:
            if limits_before is not NO_LIMITS:
                pooled_connection.limits = limits_before
        # SET LOCAL lasts until the end of the transaction, so restore the limit for the caller's later statements.
        cursor.execute(f"SET LOCAL statement_timeout = {limits_before.statement_seconds * 1000:.0f}")
