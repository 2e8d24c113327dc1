"""A pooled connection that remembers the limits of its session."""

import select
from typing import Any

import psycopg
from psycopg.errors import _WaitTimeout

from chm_project.db.limits import NONE, Limits
from chm_project.db.outage import Outage, outage


class LimitedConnection(psycopg.Connection[Any]):
    limits = NONE
    outage = outage

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait with a deadline, because a frozen server does not cancel statements."""
        deadline = self.limits.deadline if timeout is None else timeout
        try:
            return super().wait(gen, interval, deadline)
        except _WaitTimeout:
            if timeout is None:
                self.close()
                self.outage.began()
            raise

    def set_limits(self, wanted: Limits) -> None:
        if wanted == self.limits:
            return
        # BEGIN before the statement needs a deadline on a frozen server too.
        self.limits = wanted
        self.execute(
            "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)",
            [f"{wanted.statement * 1000:.0f}", f"{wanted.lock * 1000:.0f}"],
        )

    @property
    def has_ended(self) -> bool:
        """Return whether the server has closed the connection: an idle one is readable only then."""
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN)
        return bool(poll.poll(0))


class PoolerConnection(LimitedConnection):
    """A connection to PgBouncer in transaction mode, where what one transaction sets another session would have.

    Only the client ends long waits. The role's own statement_timeout and lock_timeout limit them in the server.
    """

    def set_limits(self, wanted: Limits) -> None:
        self.limits = wanted


class ReplicaConnection(LimitedConnection):
    """A connection to the replica, whose outage is not that of the database."""

    outage = Outage()
