"""Read reports from the replica at CHM_REPLICA_URL, as long as it answers and is not too far behind.

What a person has just changed is read from the database itself until the replica has it.
"""

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, connections
from django.utils import timezone
from psycopg.errors import QueryCanceled

logger = logging.getLogger(__name__)

ALIAS = "replica"
# A replica that failed is tried again after this.
RETRY_SECONDS = 10.0

T = TypeVar("T")

# Without a receiver, what was received says nothing about what was missed.
_REPLAYED_AT = """
SELECT CASE
    WHEN EXISTS (SELECT FROM pg_stat_wal_receiver) AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN now()
    ELSE pg_last_xact_replay_timestamp()
END
WHERE pg_is_in_recovery()
"""
_wanted: ContextVar[datetime | None] = ContextVar("wanted", default=None)
_read: ContextVar[timedelta | None] = ContextVar("read", default=None)
_retry_at = 0.0


def begin_request(changed_at: datetime | None) -> None:
    """Forget the former request; what this one reads must have everything up to `changed_at`."""
    _wanted.set(changed_at)
    _read.set(None)


def lag_read() -> int | None:
    """Return how many seconds behind the replica was that this request read; None if it read the database itself."""
    lag = _read.get()
    return None if lag is None else round(lag.total_seconds())


def reading(read: Callable[[Any], T]) -> T:
    """Call `read` with the connection of the replica, or of the database where that is not possible."""
    global _retry_at
    if ALIAS in connections.settings and time.monotonic() >= _retry_at:
        try:
            database: Any = connections[ALIAS]
            lag = _lag(database)
            if lag is not None and _is_new_enough(lag):
                found = read(database)
                _read.set(max(lag, _read.get() or lag))
                return found
        except (OperationalError, InterfaceError) as error:
            if isinstance(error.__cause__, QueryCanceled):
                raise  # it took too long, and would again
            _retry_at = time.monotonic() + RETRY_SECONDS
            logger.warning("the replica does not answer: the database is read (%s)", type(error).__name__)
    return read(connection)


def _lag(database: Any) -> timedelta | None:
    """Return how far behind the replica is; None if it is no replica, or has replayed nothing yet."""
    with database.cursor() as cursor:
        cursor.execute(_REPLAYED_AT)
        row = cursor.fetchone()
    return None if row is None or row[0] is None else max(timezone.now() - row[0], timedelta())


def _is_new_enough(lag: timedelta) -> bool:
    wanted = _wanted.get()
    if wanted is not None and timezone.now() - lag <= wanted:
        return False
    return lag.total_seconds() <= settings.CHM_REPLICA_MAX_LAG_SECONDS
