"""The database engine of CHM's settings: Django's own, with limits on statements and an end to every wait."""

from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import PoolTimeout

from chm_project.db import limits
from chm_project.db.outage import outage


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A live connection of the pool. Without a pool, as in tests, a new connection without limits."""
        if not self.pool:
            return super().get_new_connection(conn_params)

        def connect() -> None:
            psycopg.connect(**conn_params).close()

        outage.refuse_while_down(connect)
        try:
            connection: Any = super().get_new_connection(conn_params)
            while connection.has_ended:
                connection.close()
                self.pool.putconn(connection)
                connection = super().get_new_connection(conn_params)
        except PoolTimeout:
            # Either all connections are at work, or none can be made: a connection of its own tells.
            outage.ask(connect)
            raise
        connection.set_limits(limits.current())
        return connection
