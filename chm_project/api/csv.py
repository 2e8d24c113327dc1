"""Write CSV so that spreadsheets do not run texts as formulas."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from django.http import StreamingHttpResponse
from rest_framework import mixins
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.api.json_answers import JsonRenderer, text_of

# Characters that start a formula in a spreadsheet. Spreadsheets ignore a tab or line break before a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


class CsvRenderer(BaseRenderer):
    """Let requests accept text/csv.

    Most views then return a csv_response, which does not use `render`. `render` is for views that return rows in a
    Response. Errors are JSON, because the exception handler selects another renderer.
    """

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return "".join(csv_lines(list(data[0]) if data else [], data)).encode()


class CsvListMixin(mixins.ListModelMixin):
    """Mixin that also returns each page of a list as CSV. The header CHM-Next-Cursor contains the next cursor."""

    def get_renderers(self) -> list[BaseRenderer]:
        renderers: list[BaseRenderer] = [JsonRenderer(), BrowsableAPIRenderer()]
        return [*renderers, CsvRenderer()] if getattr(self, "action", "list") == "list" else renderers

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        return self.as_csv(super().list(request, *args, **kwargs))

    def as_csv(self, response: Response) -> Response | StreamingHttpResponse:
        """Return the page as CSV if the request accepts CSV; else return the response unchanged."""
        request: Request = self.request  # type: ignore[attr-defined]  # an attribute of GenericAPIView
        if getattr(request.accepted_renderer, "format", None) != CsvRenderer.format:
            return response
        columns = list(self.get_serializer().fields)  # type: ignore[attr-defined]  # a method of GenericAPIView
        headers = {"CHM-Next-Cursor": cursor} if (cursor := response.data["next_cursor"]) else {}
        return csv_response(columns, response.data["items"], headers=headers)


def csv_response(
    columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, headers: Mapping[str, str]
) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        csv_lines(columns, rows), content_type="text/csv; charset=utf-8", headers=dict(headers)
    )


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a header line and one line per row. Times are in UTC and end in Z; null is an empty cell."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for values in _table_lines(columns, rows):
        writer.writerow(values)
        # Yield each line separately, so that a long list is never completely in memory.
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _table_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Any]]:
    yield list(columns)
    for row in rows:
        yield [_cell(row[column]) for column in columns]


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, orjson.Fragment):
        return text_of(value)
    if isinstance(value, bool | dict | list):
        return json.dumps(value, ensure_ascii=False)
    return escape_formula(value) if isinstance(value, str) else value


def escape_formula(text: str) -> str:
    """Return the text with ' before it if spreadsheets would run it as a formula.

    If the text already has a ' before the formula, add another ', so that `unescape_formula` restores the text.
    """
    return f"'{text}" if text.lstrip("'").startswith(FORMULA_STARTS) else text


def unescape_formula(text: str) -> str:
    """Undo `escape_formula`: return the original text."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(FORMULA_STARTS) else text
