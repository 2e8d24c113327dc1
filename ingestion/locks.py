"""A lock per connection to a partner: a PostgreSQL advisory lock of a database session of its own.

It prevents two simultaneous walks, which would double the partner's load. Correctness does not depend on it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection as database

from chm_project.db.direct_connection import direct_parameters

# Advisory locks are numbered per database; this number separates CHM's from those of other programs.
NAMESPACE = 0x43484D


@contextmanager
def connection_lock(name: str) -> Iterator[bool]:
    """Yield True if the lock was acquired, False if another session holds it.

    The lock is released at the end of the block, or by PostgreSQL when the process dies.
    """
    # Not Django's connection: behind PgBouncer in transaction mode it has no session that could hold a lock.
    with psycopg.connect(**direct_parameters(database), autocommit=True) as session:
        # The keys of an advisory lock are numbers. If two names have the same hash, one walk only waits for a tick.
        [acquired] = session.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", [NAMESPACE, name]).fetchone() or [
            False
        ]
        try:
            yield bool(acquired)
        finally:
            # Closing the session releases the lock slightly later, and the next walk may start immediately.
            if acquired and not session.closed:
                session.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [NAMESPACE, name])
