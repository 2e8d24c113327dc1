"""Pooled connections with time limits: to the database, to PgBouncer and to the replica."""

import select
from typing import Any

import psycopg
from psycopg.errors import _WaitTimeout

from chm_project.db.outage import Outage, outage
from chm_project.db.time_limits import NO_LIMITS, TimeLimits


class LimitedConnection(psycopg.Connection[Any]):
    limits = NO_LIMITS
    outage = outage

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for the server with a deadline, because a frozen server does not cancel statements by itself."""
        timeout_seconds = self.limits.deadline_seconds if timeout is None else timeout
        try:
            return super().wait(gen, interval, timeout_seconds)
        except _WaitTimeout:  # a private class, because psycopg has no public one
            if timeout is None:
                self.close()
                self.outage.record()
            raise

    def set_limits(self, limits: TimeLimits) -> None:
        """Set the limits in the database session if the session has other limits."""
        if limits == self.limits:
            return
        # Set the attribute first, so that the next statement already has a deadline if the server is frozen.
        self.limits = limits
        self.execute(
            "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)",
            [f"{limits.statement_seconds * 1000:.0f}", f"{limits.lock_seconds * 1000:.0f}"],
        )

    @property
    def has_ended(self) -> bool:
        """Return whether the server has closed the connection. Only then is the idle connection's socket readable."""
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN)
        return bool(poll.poll(0))


class PoolerConnection(LimitedConnection):
    """A connection to PgBouncer in transaction mode, where several processes use the same database session in turn.

    So CHM sets no timeouts in the session. The deadline of wait() and the timeouts of the database role limit
    statements.
    """

    def set_limits(self, limits: TimeLimits) -> None:
        self.limits = limits


class ReplicaConnection(LimitedConnection):
    """A connection to the replica, with its own record of outages."""

    outage = Outage(server="replica", effect="reports read the database")
