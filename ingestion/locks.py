"""A lock per connection or data set: a PostgreSQL advisory lock, held by a separate database session.

Without the lock of a connection, two processes could walk the connection at the same time and double the load on the
partner. The stored runs would still be correct.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection as database

from chm_project.db.direct_connection import direct_parameters

# The first number of each advisory lock. It separates CHM's locks from those of other programs in the same database.
LOCK_NAMESPACE = 0x43484D


@contextmanager
def named_lock(name: str) -> Iterator[bool]:
    """Yield True if the lock was acquired, False if another session holds it.

    The lock is released at the end of the block, or by PostgreSQL when the process dies.
    """
    # Not Django's connection: behind PgBouncer in transaction mode it has no session that could hold a lock.
    with psycopg.connect(**direct_parameters(database), autocommit=True) as session:
        # An advisory lock has numbers, not names. Two names with the same hash share a lock, so only one of the two
        # can be held at a time.
        [acquired] = session.execute(
            "SELECT pg_try_advisory_lock(%s, hashtext(%s))", [LOCK_NAMESPACE, name]
        ).fetchone() or [False]
        try:
            yield bool(acquired)
        finally:
            # Closing the session would release the lock slightly later. A walk that starts at once would not get it.
            if acquired and not session.closed:
                session.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [LOCK_NAMESPACE, name])
