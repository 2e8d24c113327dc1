"""Read reports from the replica at CHM_REPLICA_URL, while it answers and does not lag too far behind.

After a user changes something, their reports are read from the primary database until the replica has the change.
"""

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, connections
from django.utils import timezone
from psycopg.errors import QueryCanceled

logger = logging.getLogger(__name__)

ALIAS = "replica"
# After an error, the replica is not used for this time.
RETRY_SECONDS = 10.0

T = TypeVar("T")

# The time up to which the replica has all changes. While the replica receives changes (pg_stat_wal_receiver) and has
# applied all of them, this is now(). Otherwise it is the time of the last change that the replica applied.
_UP_TO_DATE_AT = """
SELECT CASE
    WHEN EXISTS (SELECT FROM pg_stat_wal_receiver) AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN now()
    ELSE pg_last_xact_replay_timestamp()
END
WHERE pg_is_in_recovery()
"""
_changed_at: ContextVar[datetime | None] = ContextVar("changed_at", default=None)
_request_lag: ContextVar[timedelta | None] = ContextVar("request_lag", default=None)
_retry_at = 0.0


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """The lag of the replica, and the limit up to which CHM reads the replica.

    `lag_seconds` is None if the server does not answer or is not a replica.
    """

    lag_seconds: float | None
    max_lag_seconds: int

    @property
    def is_read(self) -> bool:
        """Return whether reports and pages read the replica now."""
        return self.lag_seconds is not None and self.lag_seconds <= self.max_lag_seconds


def replica_state() -> ReplicaState | None:
    """Return the state of the replica; None if no replica is configured.

    After a failure, CHM does not query the replica for RETRY_SECONDS.
    """
    if ALIAS not in connections.settings:
        return None
    lag = None
    if time.monotonic() >= _retry_at:
        try:
            lag = _lag(connections[ALIAS])
        except (OperationalError, InterfaceError) as error:
            _pause(error)
    return _state(lag)


def begin_reads(changed_at: datetime | None) -> None:
    """Begin the reads of a request. Its reports must include all changes up to `changed_at`.

    If `changed_at` is None, its reports may lag as far behind as CHM_REPLICA_MAX_LAG_SECONDS allows.
    """
    _changed_at.set(changed_at)
    _request_lag.set(None)


def largest_lag_seconds() -> int | None:
    """Return the largest lag that the replica had when this request read it; None if the request did not read it."""
    lag = _request_lag.get()
    return None if lag is None else round(lag.total_seconds())


def read_with_replica(read: Callable[[Any], T]) -> T:
    """Return `read(connection)` for the replica, or for the primary database if the replica cannot be used."""
    if ALIAS in connections.settings and time.monotonic() >= _retry_at:
        try:
            database: Any = connections[ALIAS]
            lag = _lag(database)
            if lag is not None and _is_new_enough(lag):
                result = read(database)
                # A page can read several reports. It shows the largest lag.
                _request_lag.set(max(lag, _request_lag.get() or lag))
                return result
        except (OperationalError, InterfaceError) as error:
            if isinstance(error.__cause__, QueryCanceled):
                raise  # on the primary database, the query would take as long
            _pause(error)
    return read(connection)


def _pause(error: Exception) -> None:
    """Read the primary database instead of the replica for RETRY_SECONDS."""
    global _retry_at
    _retry_at = time.monotonic() + RETRY_SECONDS
    logger.warning("the replica does not answer; reports read the primary database (%s)", type(error).__name__)


def _lag(database: Any) -> timedelta | None:
    """Return how far the replica lags behind; None if the server is not a replica or has applied no change yet."""
    with database.cursor() as cursor:
        cursor.execute(_UP_TO_DATE_AT)
        row = cursor.fetchone()
    return None if row is None or row[0] is None else max(timezone.now() - row[0], timedelta())


def _is_new_enough(lag: timedelta) -> bool:
    changed_at = _changed_at.get()
    if changed_at is not None and timezone.now() - lag <= changed_at:
        return False
    return _state(lag).is_read


def _state(lag: timedelta | None) -> ReplicaState:
    return ReplicaState(None if lag is None else lag.total_seconds(), settings.CHM_REPLICA_MAX_LAG_SECONDS)
