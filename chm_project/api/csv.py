"""CSV as spreadsheets may open it: a text that would be a formula there stays a text."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rest_framework.renderers import BaseRenderer

# What spreadsheets take for the start of a formula, or skip before one.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class CsvRenderer(BaseRenderer):
    """Offered by a view that answers with `csv_lines` itself; errors stay JSON."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return "".join(csv_lines(list(data[0]) if data else [], data)).encode()


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The header, then one text per row; times end in Z, null is empty."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for values in _lines(columns, rows):
        writer.writerow(values)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Any]]:
    yield list(columns)
    for row in rows:
        yield [_cell(row[column]) for column in columns]


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value
