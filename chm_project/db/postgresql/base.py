"""The database engine of CHM's settings: Django's own, with limits on statements and an end to every wait."""

from typing import Any

import psycopg
from django.db.backends.postgresql import base, operations
from psycopg_pool import PoolTimeout

from chm_project.db import limits
from chm_project.db.outage import outage


class DatabaseOperations(operations.DatabaseOperations):
    def last_executed_query(self, cursor: Any, sql: Any, params: Any) -> Any:
        """Return the query with its values in place, also where the server binds them; for the log of queries."""
        if isinstance(cursor, psycopg.ClientCursor):
            return super().last_executed_query(cursor, sql, params)
        return self.compose_sql(sql, params)


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations

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
