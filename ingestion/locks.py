"""A lock per connection, held by the database for as long as its holder's own connection lives.

It prevents two simultaneous walks of one partner, to spare the partner; correctness does not depend on it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection as database

from chm_project.db.direct import direct_parameters

# Advisory locks are numbered per database; this number separates CHM's from those of other programs.
NAMESPACE = 0x43484D


@contextmanager
def connection_lock(name: str) -> Iterator[bool]:
    """Yield whether the lock was free; it is released at the end, or when the process dies."""
    with psycopg.connect(**direct_parameters(database), autocommit=True) as own:
        [taken] = own.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", [NAMESPACE, name]).fetchone() or [False]
        try:
            yield bool(taken)
        finally:
            # The end of the connection would release it too, but a moment later: the next walk may begin at once.
            if taken and not own.closed:
                own.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [NAMESPACE, name])
