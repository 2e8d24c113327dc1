"""Runs any shape by its name."""

from collections.abc import Callable
from datetime import UTC
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from chm_project.db.limits import report_limits
from runs.reporting.parameters import InvalidParameters, validated
from runs.reporting.shapes import Shape, shapes

__all__ = ["InvalidParameters", "Row", "head_of_shape", "run_shape"]

Row = dict[str, Any]

_READ: dict[str, Callable[[Any], Any]] = {
    "integer": int,
    "numeric": lambda value: float(value) if isinstance(value, Decimal) else value,
    "timestamptz": lambda value: value.astimezone(UTC),
}


def run_shape(name: str, /, **parameters: Any) -> list[Row]:
    """The rows of a shape: text, int, float (numeric), datetime in UTC, date and UUID by the shape's columns.

    Parameters are given as values or as texts; one left out or None has its default. Raises KeyError for an unknown
    shape and InvalidParameters.
    """
    shape = shapes()[name]
    values = validated(shape.parameters, parameters)
    names, rows = _ask(shape.sql, values)
    expected = [column.name for column in shape.columns]
    if names != expected:
        raise ValueError(f"The shape {name} answers with {names}, its header says {expected}.")
    return _rows(shape, rows)


def head_of_shape(name: str, /, most: int, where: str = "true", **parameters: Any) -> tuple[list[Row], int]:
    """The first rows of a shape for which `where` holds, and how many there are in all: the rest stays in the database.

    `where` is a condition on the shape's columns, of the caller's own making.
    """
    shape = shapes()[name]
    values = validated(shape.parameters, parameters) | {"most": most}
    # The shape's own order holds: nothing here sorts anew.
    head = f"SELECT shape.*, count(*) OVER () FROM (\n{shape.sql}\n) AS shape WHERE {where} LIMIT %(most)s"  # noqa: S608
    _, rows = _ask(head, values)
    return _rows(shape, [row[:-1] for row in rows]), rows[0][-1] if rows else 0


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
