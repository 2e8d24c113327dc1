"""Run the SQL of shapes (reports) and of queries that use their fragments, with validated parameters."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from chm_project.db.replica import read_with_replica
from chm_project.db.reporting.files import expanded, fragments
from chm_project.db.time_limits import report_limits
from runs.reporting.parameters import LIMIT_PARAMETER, InvalidParameters, validated
from runs.reporting.shapes import Shape, shapes

__all__ = ["InvalidParameters", "Row", "page_of_shape", "run_query", "run_shape"]

Row = dict[str, Any]

_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "integer": int,
    "numeric": lambda value: float(value) if isinstance(value, Decimal) else value,
    "timestamptz": lambda value: value.astimezone(UTC),
}


# Conditions that restrict a query to some clients or pipelines, in addition to its parameters.
_RESTRICTIONS = {
    "clients": "p.client_id = ANY(%(clients)s::uuid[])",
    "pipelines": "p.pipeline_id = ANY(%(pipelines)s::uuid[])",
}
# None does not restrict a query.
ClientIds = Collection[UUID] | None
PipelineIds = Collection[UUID] | None


def _restricted(sql: str, clients: ClientIds, pipelines: PipelineIds = None) -> tuple[str, dict[str, Any]]:
    """Expand the fragments of the SQL, and restrict it to the clients and pipelines. Return it with its parameters."""
    fragment_sql = fragments()
    restrictions = {"clients": clients, "pipelines": pipelines}
    values = {name: list(ids) for name, ids in restrictions.items() if ids is not None}
    if not values:
        return expanded(sql, fragment_sql), {}
    # all_clients is false, so that the query does not read counts of all clients together.
    conditions = " AND ".join([fragment_sql["client_in_scope"], *(_RESTRICTIONS[name] for name in values)])
    return expanded(sql, fragment_sql | {"client_in_scope": f"({conditions})", "all_clients": "false"}), values


def run_shape(
    name: str,
    /,
    *,
    clients: ClientIds = None,
    now: datetime | None = None,
    has_limit: bool = True,
    **parameters: Any,
) -> list[Row]:
    """Return the rows of a shape. Values have the Python type of their column. Times are datetimes in UTC.

    `now` replaces the current time, so that several queries can use the same time. `clients` restricts the inventory,
    in addition to the parameter client_id. If `has_limit` is false, return all rows, even if the shape has a default
    limit. `parameters` are the parameters of the shape, as Python values or texts. None means the default.

    Raise KeyError for an unknown shape and InvalidParameters for invalid parameters.
    """
    shape = shapes()[name]
    sql, restriction_values = _restricted(shape.body, clients)
    values = validated(shape.parameters, parameters, now=now) | restriction_values
    if not has_limit:
        values[LIMIT_PARAMETER] = None
    needs_no_limit = LIMIT_PARAMETER in shape.parameters or values[LIMIT_PARAMETER] is None
    limit = "" if needs_no_limit else f"\nLIMIT %({LIMIT_PARAMETER})s"
    names, rows = _execute(sql + limit, values)
    expected = [column.name for column in shape.columns]
    if names != expected:
        raise ValueError(f"The shape {name} returns the columns {names}, but its header lists {expected}.")
    return _convert_rows(shape, rows)


def page_of_shape(
    name: str,
    /,
    *,
    page_size: int,
    offset: int = 0,
    where: str = "true",
    clients: ClientIds = None,
    pipelines: PipelineIds = None,
    now: datetime | None = None,
    **parameters: Any,
) -> tuple[list[Row], int]:
    """Return a page of the rows of a shape that match `where`, and the number of all matching rows.

    `where` is a SQL condition on the columns of the shape. It must not contain user input. If the page is empty, the
    number is 0, even if earlier pages have rows. `clients` and `pipelines` restrict the inventory.
    """
    shape = shapes()[name]
    sql, restriction_values = _restricted(shape.body, clients, pipelines)
    values = validated(shape.parameters, parameters, now=now) | restriction_values
    page = {"page_size": page_size, "offset": offset}
    # PostgreSQL keeps the order of the shape, because the outer query neither sorts nor joins the rows.
    page_sql = f"""SELECT shape.*, count(*) OVER () FROM (
{sql}
) AS shape WHERE {where} LIMIT %(page_size)s OFFSET %(offset)s"""  # noqa: S608
    _, rows = _execute(page_sql, values | page)
    return _convert_rows(shape, [row[:-1] for row in rows]), rows[0][-1] if rows else 0


def run_query(
    text: str,
    /,
    *,
    clients: ClientIds = None,
    pipelines: PipelineIds = None,
    now: datetime | None = None,
    query_values: Mapping[str, Any] | None = None,
    **parameters: Any,
) -> list[Row]:
    """Return the rows of a query that is not a shape, but reads the views of `reporting` and includes fragments.

    The parameters restrict the rows as they do for a shape. `query_values` has the values of all other parameters.
    """
    sql, restriction_values = _restricted(text, clients, pipelines)
    names, rows = _execute(sql, validated({}, parameters, now=now) | restriction_values | dict(query_values or {}))
    return [dict(zip(names, row, strict=True)) for row in rows]


def _execute(sql: str, values: dict[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
    return read_with_replica(lambda database: _execute_on(database, sql, values))


def _execute_on(database: Any, sql: str, values: dict[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
    with transaction.atomic(using=database.alias), report_limits(database), database.cursor() as cursor:
        cursor.execute(sql, values)
        return [column.name for column in cursor.description], cursor.fetchall()


def _convert_rows(shape: Shape, rows: list[tuple[Any, ...]]) -> list[Row]:
    names = [column.name for column in shape.columns]
    converters = [_CONVERTERS.get(column.sql_type) for column in shape.columns]
    return [
        {
            column: convert(value) if convert is not None and value is not None else value
            for column, value, convert in zip(names, row, converters, strict=True)
        }
        for row in rows
    ]
