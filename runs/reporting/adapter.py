"""Runs any shape by its name."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from chm_project.db.limits import report_limits
from chm_project.db.reporting.files import expanded, fragments
from runs.reporting.parameters import LIMIT, InvalidParameters, validated
from runs.reporting.shapes import Shape, shapes

__all__ = ["InvalidParameters", "Row", "page_of_shape", "run_query", "run_shape", "scoped"]

Row = dict[str, Any]

_READ: dict[str, Callable[[Any], Any]] = {
    "integer": int,
    "numeric": lambda value: float(value) if isinstance(value, Decimal) else value,
    "timestamptz": lambda value: value.astimezone(UTC),
}


# The fragments of a query that is restricted to several clients, beside what its parameters restrict.
_OF_CLIENTS = {"client_in_scope": "({one_client} AND p.client_id = ANY(%(clients)s::uuid[]))", "unscoped": "false"}
# None: all clients.
Clients = Collection[UUID] | None


def scoped(sql: str, clients: Clients) -> tuple[str, dict[str, Any]]:
    """Return the SQL with its fragments, restricted to the clients, and the values that this adds."""
    known = fragments()
    if clients is None:
        return expanded(sql, known), {}
    return expanded(sql, known | {"one_client": known["client_in_scope"]} | _OF_CLIENTS), {"clients": list(clients)}


def run_shape(name: str, /, *, clients: Clients = None, clock: datetime | None = None, **parameters: Any) -> list[Row]:
    """The rows of a shape: text, bool, int, float (numeric), datetime in UTC, date and UUID by the shape's columns.

    Parameters are given as values or as texts; one left out or None has its default. `clock` is what the time is,
    where several answers must have the same; as_of asks about a past moment instead. `clients` restricts the
    inventory to these, whatever the parameter client_id says. Raises KeyError for an unknown shape and
    InvalidParameters.
    """
    shape = shapes()[name]
    sql, of_clients = scoped(shape.body, clients)
    values = validated(shape.parameters, parameters, clock=clock) | of_clients
    cut = "" if LIMIT in shape.parameters or values[LIMIT] is None else f"\nLIMIT %({LIMIT})s"
    names, rows = _ask(sql + cut, values)
    expected = [column.name for column in shape.columns]
    if names != expected:
        raise ValueError(f"The shape {name} answers with {names}, its header says {expected}.")
    return _rows(shape, rows)


def page_of_shape(
    name: str,
    /,
    *,
    most: int,
    offset: int = 0,
    where: str = "true",
    clients: Clients = None,
    clock: datetime | None = None,
    **parameters: Any,
) -> tuple[list[Row], int]:
    """Rows of a shape for which `where` holds, from `offset` on, and how many there are in all.

    The rest stays in the database. `where` is a condition on the shape's columns, of the caller's own making. Behind
    the last row the total is 0.
    """
    shape = shapes()[name]
    sql, of_clients = scoped(shape.body, clients)
    values = validated(shape.parameters, parameters, clock=clock) | of_clients | {"most": most, "offset": offset}
    # The shape's own order holds: nothing here sorts again.
    head = f"""SELECT shape.*, count(*) OVER () FROM (
{sql}
) AS shape WHERE {where} LIMIT %(most)s OFFSET %(offset)s"""  # noqa: S608
    _, rows = _ask(head, values)
    return _rows(shape, [row[:-1] for row in rows]), rows[0][-1] if rows else 0


def run_query(
    text: str,
    /,
    *,
    clients: Clients = None,
    clock: datetime | None = None,
    own: Mapping[str, Any] | None = None,
    **parameters: Any,
) -> list[Row]:
    """The rows of a page's own query over the views of `reporting`, with the fragments and the scope of a shape.

    `own` are the values of the parameters that only this query has.
    """
    sql, of_clients = scoped(text, clients)
    names, rows = _ask(sql, validated({}, parameters, clock=clock) | of_clients | dict(own or {}))
    return [dict(zip(names, row, strict=True)) for row in rows]


def _ask(sql: str, values: dict[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
    with transaction.atomic(), report_limits(), connection.cursor() as cursor:
        cursor.execute(sql, values)
        names = [column.name for column in cursor.description]
        rows = cursor.fetchall()
    return names, rows


def _rows(shape: Shape, rows: list[tuple[Any, ...]]) -> list[Row]:
    names = [column.name for column in shape.columns]
    reads = [_READ.get(column.sql_type) for column in shape.columns]
    return [
        {
            column: read(value) if read is not None and value is not None else value
            for column, value, read in zip(names, row, reads, strict=True)
        }
        for row in rows
    ]
