"""CHM's database engine: Django's PostgreSQL backend with time limits for statements and for connecting."""

from typing import Any

import psycopg
from django.db.backends.postgresql import base, operations
from psycopg_pool import PoolTimeout

from chm_project.db import time_limits


class DatabaseOperations(operations.DatabaseOperations):
    def last_executed_query(self, cursor: Any, sql: Any, params: Any) -> Any:
        """Return the query with its values for the query log, also for a cursor that sends values separately."""
        if isinstance(cursor, psycopg.ClientCursor):
            return super().last_executed_query(cursor, sql, params)
        return self.compose_sql(sql, params)


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a working connection of the pool with the current limits.

        Without a pool, as in tests, return a new connection without limits.
        """
        if not self.pool:
            return super().get_new_connection(conn_params)

        outage = self.settings_dict["OPTIONS"]["pool"]["connection_class"].outage

        def connect() -> None:
            psycopg.connect(**conn_params).close()

        outage.refuse_while_down(connect)
        try:
            connection: Any = super().get_new_connection(conn_params)
            # The pool may contain connections that the server closed when it stopped.
            while connection.has_ended:
                connection.close()
                self.pool.putconn(connection)
                connection = super().get_new_connection(conn_params)
        except PoolTimeout:
            # All connections are in use, or the database is down. Try a new connection to find out.
            outage.probe(connect)
            raise
        connection.set_limits(time_limits.current_limits())
        return connection
