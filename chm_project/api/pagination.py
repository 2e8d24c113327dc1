"""Keyset pagination: each page starts after the last row of the previous page.

PostgreSQL finds this row in an index, so a late page is as fast as the first. A view declares its order as a Keyset. A
row that does not change while a program reads all pages appears on exactly one page.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.db.models import BooleanField, F, Func, Model, QuerySet, Value
from django.db.models.expressions import Combinable, Expression
from rest_framework import exceptions
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.api.filters import parse_limit

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
# A page with large payloads has fewer rows, to limit the memory of a request.
MAX_PAGE_BYTES = 8 * 1024 * 1024
PARAMETERS = ("limit", "cursor")

# The value of each sort key of a row, as text; None for null.
Position = list[str | None]
# Returns up to the given number of rows after a position. The position None means the start.
Fetch = Callable[[Position | None, int], list[Any]]


@dataclass(frozen=True, slots=True)
class SortKey:
    """One sort key: an attribute of the row. `expression` is what the database sorts by, if not the column itself."""

    attribute: str
    expression: Combinable | None = None
    null: Combinable | None = None  # the value of the expression for a row with null in this column

    @property
    def sorted_by(self) -> Any:
        return self.expression if self.expression is not None else F(self.attribute)

    def database_value(self, cursor_value: str | Expression | None, model: type[Model]) -> Any:
        """Return the SQL expression for this key's value in a cursor. Rows are compared with it."""
        if isinstance(cursor_value, Expression):
            return cursor_value
        field: Any = model._meta.get_field(self.attribute)
        field = getattr(field, "output_field", field)  # a generated column converts values like its output field
        return self.null if cursor_value is None else Value(field.to_python(cursor_value), output_field=field)


@dataclass(frozen=True, slots=True)
class Keyset:
    """An order in which no two rows are equal, because the last key is unique.

    All keys sort in the same direction, so that one comparison of tuples in SQL finds the next page.
    """

    keys: tuple[SortKey, ...]
    descending: bool = False

    def reversed(self) -> "Keyset":
        return replace(self, descending=not self.descending)

    def sort(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        orders = [key.sorted_by for key in self.keys]
        return queryset.order_by(*[order.desc() if self.descending else order.asc() for order in orders])

    def after(self, queryset: QuerySet[Any], position: Sequence[str | Expression | None]) -> QuerySet[Any]:
        bounds = [
            key.database_value(cursor_value, queryset.model)
            for key, cursor_value in zip(self.keys, position, strict=True)
        ]
        # PostgreSQL finds the first row of the page in an index only if rows are compared as ROW(...) < ROW(...).
        comparison = Func(
            _sql_row([key.sorted_by for key in self.keys]),
            _sql_row(bounds),
            template="%(expressions)s",
            arg_joiner=" < " if self.descending else " > ",
            output_field=BooleanField(),
        )
        return queryset.filter(comparison)

    def position(self, row: Model | Mapping[str, Any]) -> Position:
        if isinstance(row, Mapping):
            return [_as_text(row[key.attribute]) for key in self.keys]
        return [_as_text(getattr(row, key.attribute)) for key in self.keys]


def keyset(*keys: SortKey | str, descending: bool = False) -> Keyset:
    """Return the order of a list by these keys. The cursor of a page has the values of these keys in the last row."""
    return Keyset(tuple(SortKey(key) if isinstance(key, str) else key for key in keys), descending)


def keysets_by_ordering(*attributes: str) -> dict[str, Keyset]:
    """Return the keyset of each value of `ordering`: "name" is ascending, "-name" is descending."""
    keysets_by_name = {}
    for attribute in attributes:
        keysets_by_name[attribute] = keyset(attribute, "id")
        keysets_by_name[f"-{attribute}"] = keyset(attribute, "id", descending=True)
    return keysets_by_name


def _sql_row(expressions: list[Any]) -> Func:
    return Func(*expressions, template="ROW(%(expressions)s)", output_field=BooleanField())


def _as_text(value: Any) -> str | None:
    return None if value is None else str(value)


def requested_limit(request: Request) -> int:
    return parse_limit(request.query_params.get("limit", str(DEFAULT_LIMIT)), maximum=MAX_LIMIT)


class KeysetPagination(BasePagination):
    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        order: Keyset = view.get_keyset()
        rows = order.sort(queryset)

        def fetch(after: Position | None, row_count: int) -> list[Any]:
            return list(view.take(rows if after is None else order.after(rows, after), row_count))

        return self.paginate(fetch, request, view)

    def paginate(self, fetch: Fetch, request: Request, view: Any) -> list[Any]:
        order: Keyset = view.get_keyset()
        limit = requested_limit(request)
        cursor = request.query_params.get("cursor")
        after = None if cursor is None else _position_of_cursor(cursor, request)
        page, has_more = _fetch_page(view.row_bytes, order, fetch, after, limit)
        self.next_cursor = _signed_cursor(order.position(page[-1]), request) if has_more else None
        self.next_page = _next_page_url(request, self.next_cursor) if self.next_cursor else None
        return page

    def get_paginated_response(self, data: Any) -> Response:
        headers = {"Link": f'<{self.next_page}>; rel="next"'} if self.next_page else {}
        return Response({"items": data, "next_cursor": self.next_cursor}, headers=headers)

    def get_results(self, data: dict[str, Any]) -> Any:
        return data["items"]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["items", "next_cursor"],
            "properties": {
                "items": schema,
                "next_cursor": {
                    "type": "string",
                    "nullable": True,
                    "description": "To get the next page, send this text as `cursor`, with the same filters. Null on "
                    "the last page.",
                },
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[Any]:
        names = list(view.orderings)
        ordering: dict[str, Any] = {
            "name": "ordering",
            "in": "query",
            "description": "The order of the rows. A minus before the name means descending. A cursor is valid for one "
            f"order. Default: `{view.default_ordering}`.",
            "schema": {
                "type": "string",
                "enum": names,
                "x-enum-name": f"{type(view).__name__.removesuffix('ViewSet')}Ordering",
            },
        }
        return [
            *([ordering] if names else []),
            {
                "name": "limit",
                "in": "query",
                "description": "Maximum number of items on a page. If items are very large, the page has fewer.",
                "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            },
            {
                "name": "cursor",
                "in": "query",
                "description": "The `next_cursor` of the previous page. Send the same filters with it.",
                "schema": {"type": "string"},
            },
        ]


def _fetch_page(
    row_bytes: Callable[[Any], int] | None, order: Keyset, fetch: Fetch, after: Position | None, limit: int
) -> tuple[list[Any], bool]:
    """Return up to `limit` rows (fewer if they exceed MAX_PAGE_BYTES), and whether more rows follow.

    If rows can be large, read them in several queries. So a request never has a thousand of the largest rows in memory.
    """
    page: list[Any] = []
    size, slice_size = 0, DEFAULT_LIMIT + 1 if row_bytes else limit + 1
    while True:
        # Read one row more than the page has. This row shows that there is a next page, so CHM need not count the rows.
        requested = min(slice_size, limit + 1 - len(page))
        rows = fetch(order.position(page[-1]) if page else after, requested)
        for row in rows:
            size += row_bytes(row) if row_bytes else 0
            if len(page) == limit or (page and size > MAX_PAGE_BYTES):
                return page, True
            page.append(row)
        if len(rows) < requested:
            return page, False
        # Read more rows at once if they are small, so that a long page needs few queries.
        slice_size *= 2


def _salt(request: Request) -> str:
    """Return the salt for signing a cursor. It binds a cursor to one list and its filters, but not to a page size."""
    filters = sorted(pair for pair in request.query_params.lists() if pair[0] not in PARAMETERS)
    return f"chm.cursor:{request.path}?{urlencode(filters, doseq=True)}"


def _next_page_url(request: Request, cursor: str) -> str:
    """Return the URL of the next page."""
    parameters = {name: values for name, values in request.query_params.lists() if name != "cursor"}
    query = urlencode(parameters | {"cursor": [cursor]}, doseq=True)
    return request.build_absolute_uri(f"{request.path}?{query}")


def _signed_cursor(position: Position, request: Request) -> str:
    return signing.dumps(position, salt=_salt(request))


def _position_of_cursor(cursor: str, request: Request) -> Position:
    try:
        position: Position = signing.loads(cursor, salt=_salt(request))
    except signing.BadSignature as error:
        message = "This cursor is not from this list with these filters. Start again without a cursor."
        raise exceptions.ValidationError({"cursor": [message]}) from error
    return position
