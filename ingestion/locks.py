"""A lock per connection to a partner: a PostgreSQL advisory lock, held by a separate database session.

It prevents two simultaneous walks, because they would double the load of the partner. The stored runs would be correct
without it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection as database

from chm_project.db.direct_connection import direct_parameters

# The first number of each lock. It separates CHM's locks from those of other programs that use the database.
LOCK_NAMESPACE = 0x43484D


@contextmanager
def connection_lock(name: str) -> Iterator[bool]:
    """Yield True if the lock was acquired, False if another session holds it.

    The lock is released at the end of the block, or by PostgreSQL when the process dies.
    """
    # Not Django's connection: behind PgBouncer in transaction mode it has no session that could hold a lock.
    with psycopg.connect(**direct_parameters(database), autocommit=True) as session:
        # An advisory lock has numbers, not names. If two names have the same hash, one walk waits until the next tick.
        [acquired] = session.execute(
            "SELECT pg_try_advisory_lock(%s, hashtext(%s))", [LOCK_NAMESPACE, name]
        ).fetchone() or [False]
        try:
            yield bool(acquired)
        finally:
            # The next walk may start immediately, and closing the session would release the lock slightly later.
            if acquired and not session.closed:
                session.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [LOCK_NAMESPACE, name])
