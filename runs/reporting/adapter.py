"""Runs any shape by its name."""

from collections.abc import Callable
from datetime import UTC
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from runs.reporting.parameters import InvalidParameters, validated
from runs.reporting.shapes import shapes

__all__ = ["STATEMENT_TIMEOUT_SECONDS", "InvalidParameters", "Row", "run_shape"]

# A report that takes this long asks for more than a page can show; it must not hold a web process.
STATEMENT_TIMEOUT_SECONDS = 30

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
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_SECONDS}s'")
        cursor.execute(shape.sql, values)
        names = [column.name for column in cursor.description]
        expected = [column.name for column in shape.columns]
        if names != expected:
            raise ValueError(f"The shape {name} answers with {names}, its header says {expected}.")
        rows = cursor.fetchall()
        # Within a caller's transaction the limit would last longer than the report.
        cursor.execute("SET LOCAL statement_timeout = DEFAULT")
    reads = [_READ.get(column.sql_type) for column in shape.columns]
    return [
        {
            column: read(value) if read is not None and value is not None else value
            for column, value, read in zip(names, row, reads, strict=True)
        }
        for row in rows
    ]
