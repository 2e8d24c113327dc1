"""A pooled connection that remembers the limits of its session."""

import select
from typing import Any

import psycopg
from psycopg.errors import _WaitTimeout

from chm_project.db.limits import NO_LIMITS, Limits
from chm_project.db.outage import Outage, outage


class LimitedConnection(psycopg.Connection[Any]):
    limits = NO_LIMITS
    outage = outage

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait with a deadline, because a frozen server does not cancel statements."""
        deadline = self.limits.deadline if timeout is None else timeout
        try:
            return super().wait(gen, interval, deadline)
        except _WaitTimeout:  # private, because psycopg has no public error for this
            if timeout is None:
                self.close()
                self.outage.record()
            raise

    def set_limits(self, limits: Limits) -> None:
        if limits == self.limits:
            return
        # Set first, so that the next statement already has a deadline if the server is frozen.
        self.limits = limits
        self.execute(
            "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)",
            [f"{limits.statement * 1000:.0f}", f"{limits.lock * 1000:.0f}"],
        )

    @property
    def has_ended(self) -> bool:
        """Return whether the server has closed the connection: an idle one is readable only then."""
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN)
        return bool(poll.poll(0))


class PoolerConnection(LimitedConnection):
    """A connection to PgBouncer in transaction mode, where settings of one transaction would leak into others.

    Only the client ends long waits. The role's own statement_timeout and lock_timeout limit them in the server.
    """

    def set_limits(self, limits: Limits) -> None:
        self.limits = limits


class ReplicaConnection(LimitedConnection):
    """A connection to the replica. Its outages are counted apart from those of the database."""

    outage = Outage()
