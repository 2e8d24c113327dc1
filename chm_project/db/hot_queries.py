"""Queries of frequent requests: compiled to SQL once per process, and prepared once per database session.

A hot query is an ordinary queryset with a `QueryParameter` in place of each value that differs between requests. So the
rules of querysets, such as which rows a token may see, apply here too.
"""

import itertools
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Field, QuerySet, Value
from psycopg import Cursor, sql
from psycopg._preparing import Prepare


class QueryParameter(Value):
    """A placeholder for a value that the caller passes when the query runs."""

    def __init__(self, name: str, output_field: "Field[Any, Any]") -> None:
        super().__init__(name, output_field=output_field)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return f"%s::{self.output_field.db_type(connection)}", [self]


# The class overrides the private method _get_prepared, because psycopg deletes its prepared statements on rollback
# (decision 0024).
class _Cursor(Cursor[Any]):
    """A cursor that binds values on the server and reads binary results, which is faster than Django's cursor."""

    prepares = False

    def execute(  # type: ignore[override]  # Django passes only these two
        self, query: Any, params: Any = None
    ) -> Self:
        try:
            return super().execute(query, params, binary=True)
        except Exception:
            # The query may have failed before it was prepared, so forget all names. Preparing a query again is cheap.
            _prepared_names(self.connection).clear()
            raise

    def _get_prepared(self, pgq: Any, prepare: bool | None = None) -> tuple[Prepare, bytes]:
        """Return the name of the prepared query. Unlike psycopg's prepared statements, it survives a rollback."""
        if not self.prepares:
            return Prepare.NO, b""
        names = _prepared_names(self.connection)
        if name := names.get((pgq.query, pgq.types)):
            return Prepare.YES, name
        name = names[pgq.query, pgq.types] = f"chm_{next(_statement_numbers)}".encode()
        return Prepare.SHOULD, name


_statement_numbers = itertools.count()


def _prepared_names(session: Any) -> dict[Any, bytes]:
    """Return the names of a session's prepared statements, keyed by their SQL and the types of their parameters."""
    if (names := getattr(session, "chm_prepared", None)) is None:
        names = session.chm_prepared = {}
    return names


@dataclass(frozen=True, slots=True)
class HotQuery:
    """A query as SQL text, compiled from a queryset."""

    text: str
    # False if the best plan depends on a value, such as a LIMIT. Then PostgreSQL plans each execution.
    prepared: bool = True

    @classmethod
    def of(cls, queryset: "QuerySet[Any, Any]", *, prepared: bool = True) -> Self:
        """Compile the queryset. Raise EmptyResultSet if no row can match."""
        text, values = queryset.query.sql_with_params()
        # Double each %% again, because the text is formatted twice: here and by psycopg.
        return cls(text.replace("%%", "%%%%") % tuple(map(_sql_value, values)), prepared)

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """Run the query with these values; return all rows."""
        return _fetch(self.text, values, prepares=self.prepared)

    def first(self, **values: Any) -> tuple[Any, ...] | None:
        """Run the query with these values; return the first row, or None without rows."""
        rows = self.rows(**values)
        return rows[0] if rows else None


@dataclass(slots=True)
class EarlyRow:
    """A row that CHM reads in the same query as the caller's token (`find_token`).

    The query for the token runs before the caller is known. So a view may use the row only after it has checked that
    the caller is not bound. The first column of `query` must never be null: null means that there is no row.
    """

    query: HotQuery
    values: dict[str, Any]
    is_read: bool = False
    row: tuple[Any, ...] | None = None

    def store(self, columns: tuple[Any, ...]) -> None:
        """Store the columns of the row, which are null if there is no row."""
        self.is_read, self.row = True, None if columns[0] is None else columns


def tuples(queryset: "QuerySet[Any, Any]") -> list[tuple[Any, ...]]:
    """Return the rows of a `values_list` queryset, read with the fast cursor of hot queries."""
    return _fetch(*queryset.query.sql_with_params(), prepares=False)


def _fetch(text: str, values: Any, *, prepares: bool) -> list[tuple[Any, ...]]:
    """Run a query with the fast cursor and return all rows. Errors are Django's exceptions."""
    database: Any = connections[DEFAULT_DB_ALIAS]
    database.ensure_connection()
    cursor: Any = _Cursor(database.connection)
    cursor.prepares = prepares and settings.CHM_DATABASE_PREPARE
    if database.queries_logged or database.execute_wrappers:
        # Django's wrapper of a cursor writes the query log. The wrapper takes half as long as a hot query, so use it
        # only if this log or another wrapper is needed.
        cursor = database._prepare_cursor(cursor)
    database.validate_no_broken_transaction()
    with database.wrap_database_errors:
        cursor.execute(text, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _sql_value(value: Any) -> str:
    """Return the SQL for a value of the queryset: a placeholder for a QueryParameter, else a literal."""
    if isinstance(value, QueryParameter):
        return f"%({value.value})s"
    value = value.value if isinstance(value, Enum) else value
    return sql.Literal(value).as_string(None).replace("%", "%%")
