"""A pooled connection that remembers the limits of its session."""

import select
from typing import Any

import psycopg
from psycopg.errors import _WaitTimeout

from chm_project.db.limits import NONE, Limits
from chm_project.db.outage import outage


class Connection(psycopg.Connection[Any]):
    limits = NONE

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """A frozen server cancels no statement, so the client ends the wait."""
        deadline = self.limits.deadline if timeout is None else timeout
        try:
            return super().wait(gen, interval, deadline)
        except _WaitTimeout:
            if timeout is None:
                self.close()
                outage.began()
            raise

    def set_limits(self, wanted: Limits) -> None:
        if wanted == self.limits:
            return
        # Before the statement: on a frozen server it needs an end as well.
        self.limits = wanted
        self.execute(
            "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)",
            [f"{wanted.statement * 1000:.0f}", f"{wanted.lock * 1000:.0f}"],
        )

    @property
    def has_ended(self) -> bool:
        """True when the server has closed it: on an idle connection there is nothing else to read."""
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN)
        return bool(poll.poll(0))
