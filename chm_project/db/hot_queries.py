"""Queries that run on every request: compiled once per process, prepared once per database session.

A queryset is written as anywhere else, with a `Parameter` in place of each value that differs between requests. So the
rules of a queryset, such as what a token may see, are the same here and there.
"""

import itertools
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

from django.conf import settings
from django.db import connection
from django.db.models import Field, QuerySet, Value
from psycopg import Cursor, sql
from psycopg._preparing import Prepare


class Parameter(Value):
    """A value that is given when the query runs."""

    def __init__(self, name: str, output_field: "Field[Any, Any]") -> None:
        super().__init__(name, output_field=output_field)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return f"%s::{self.output_field.db_type(connection)}", [self]


class _Cursor(Cursor[Any]):
    """Binds values on the server and answers in binary, which is faster to read; Django's own cursor does neither."""

    prepares = False

    def execute(  # type: ignore[override]  # Django passes these two alone
        self, query: Any, params: Any = None
    ) -> Self:
        try:
            return super().execute(query, params, binary=True)
        except Exception:
            # The query may have failed before it was prepared, and it costs little to prepare it again.
            _names_of(self.connection).clear()
            raise

    def _get_prepared(self, pgq: Any, prepare: bool | None = None) -> tuple[Prepare, bytes]:
        """Return the name under which the session keeps the query. Unlike psycopg's own, it outlives a rollback."""
        if not self.prepares:
            return Prepare.NO, b""
        names = _names_of(self.connection)
        if name := names.get((pgq.query, pgq.types)):
            return Prepare.YES, name
        name = names[pgq.query, pgq.types] = f"chm_{next(_numbers)}".encode()
        return Prepare.SHOULD, name


_numbers = itertools.count()


def _names_of(session: Any) -> dict[Any, bytes]:
    """Return the prepared queries of a session."""
    if (names := getattr(session, "chm_prepared", None)) is None:
        names = session.chm_prepared = {}
    return names


@dataclass(frozen=True, slots=True)
class HotQuery:
    text: str
    # False where the best plan depends on a value, such as a LIMIT: then each execution is planned.
    prepared: bool = True

    @classmethod
    def of(cls, queryset: "QuerySet[Any, Any]", *, prepared: bool = True) -> Self:
        """Return the queryset's query. Raises EmptyResultSet for one that no row can match."""
        text, values = queryset.query.sql_with_params()
        return cls(text.replace("%%", "%%%%") % tuple(map(_placed, values)), prepared)

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        with _cursor(prepares=self.prepared) as cursor:
            cursor.execute(self.text, values)
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found

    def first(self, **values: Any) -> tuple[Any, ...] | None:
        with _cursor(prepares=self.prepared) as cursor:
            cursor.execute(self.text, values)
            found: tuple[Any, ...] | None = cursor.fetchone()
            return found


def tuples(queryset: "QuerySet[Any, Any]") -> list[tuple[Any, ...]]:
    """Return the rows of a `values_list` of any kind, read as those of a hot query are."""
    with _cursor(prepares=False) as cursor:
        cursor.execute(*queryset.query.sql_with_params())
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def _cursor(*, prepares: bool) -> Any:
    """Return a cursor with Django's errors and its log of queries."""
    connection.ensure_connection()
    database: Any = connection
    cursor = _Cursor(database.connection)
    cursor.prepares = prepares and settings.CHM_DATABASE_PREPARE
    return database._prepare_cursor(cursor)


def _placed(value: Any) -> str:
    """Return what stands in the text for a value: a constant where it is the same each time."""
    if isinstance(value, Parameter):
        return f"%({value.value})s"
    value = value.value if isinstance(value, Enum) else value
    return sql.Literal(value).as_string(None).replace("%", "%%")
