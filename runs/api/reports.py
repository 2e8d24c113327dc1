"""GET /reports/{shape}: one operation per shape, in JSON and CSV."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.http import StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.access.visibility import visibility_of
from chm_project.api.csv import CsvRenderer, csv_response
from chm_project.api.errors import Busy
from chm_project.api.viewsets import StrictView
from runs.planned_maintenance import MAINTENANCE_COLUMNS, SHAPES_WITH_MAINTENANCE, add_maintenance_columns
from runs.reporting.parameters import (
    COMMON_PARAMETERS,
    LIMIT_PARAMETER,
    SHAPE_PARAMETERS,
    Parameter,
    default_text,
    validated,
)
from runs.reporting.run_shapes import InvalidParameters, run_shape
from runs.reporting.shapes import Column, Shape, shapes

_SERIALIZER_FIELDS: dict[str, type[serializers.Field[Any, Any, Any, Any]]] = {
    "text": serializers.CharField,
    "integer": serializers.IntegerField,
    # run_shape converts numeric values to float.
    "numeric": serializers.FloatField,
    "timestamptz": serializers.DateTimeField,
    "date": serializers.DateField,
    "uuid": serializers.UUIDField,
    "boolean": serializers.BooleanField,
}
# The OpenAPI schema of each type of parameter.
_PARAMETER_SCHEMAS: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "timestamptz": {"type": "string", "format": "date-time"},
    "uuid": {"type": "string", "format": "uuid"},
}


# An advisory lock has two keys: this number, which is the same for all slots, and the number of the slot.
SLOT_LOCK_KEY = 0x43485250
# Most reports take milliseconds, so a slot is often free again soon. Only reports wait: they have threads of their own.
SLOT_WAIT_SECONDS = 1
SLOT_RETRY_SECONDS = 0.02
_LOCK_ONE_SLOT = "SELECT n FROM generate_series(1, %s) AS n WHERE pg_try_advisory_xact_lock(%s, n) LIMIT 1"


@contextmanager
def report_slot() -> Iterator[None]:
    """Occupy one of the slots for reports, in a transaction. Raise Busy if no slot becomes free in time.

    A report over a long window keeps the database busy for seconds, so only CHM_REPORTS_AT_ONCE reports run at the same
    time. The slots are advisory locks of PostgreSQL. So all web processes share them, and PostgreSQL frees the slot of
    a process that dies.
    """
    deadline = time.monotonic() + SLOT_WAIT_SECONDS
    while True:
        with transaction.atomic():
            if _lock_slot():
                yield
                return
        if time.monotonic() >= deadline:
            raise Busy("Too many reports are being computed; try again in a moment.")
        time.sleep(SLOT_RETRY_SECONDS)


def _lock_slot() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_ONE_SLOT, [settings.CHM_REPORTS_AT_ONCE, SLOT_LOCK_KEY])
        return cursor.fetchone() is not None


@contextmanager
def refused_parameters() -> Iterator[None]:
    """If the block raises InvalidParameters, raise ValidationError, which makes the response a 400."""
    try:
        yield
    except InvalidParameters as error:
        raise ValidationError({name: [problem] for name, problem in error.problems.items()}) from None


class ReportView(StrictView):
    renderer_classes = (JSONRenderer, CsvRenderer, BrowsableAPIRenderer)
    permission = "runs.view_run"
    shape: Shape

    def known_parameters(self) -> Iterable[str]:
        return parameters_of(self.shape)

    def parameter_checks(self, request: Request) -> Iterable[Callable[[], object]]:
        yield from super().parameter_checks(request)
        yield lambda: self.parameter_values(request)

    def parameter_values(self, request: Request, now: datetime | None = None) -> dict[str, Any]:
        with refused_parameters():
            return validated(self.shape.parameters, request.query_params.dict(), now=now)

    def report(self, request: Request) -> Response | StreamingHttpResponse:
        # The shape and the maintenance windows must use the same time.
        now = timezone.now()
        with refused_parameters(), report_slot():
            rows = run_shape(self.shape.name, now=now, **self.visible_query(request))
            if self.shape.name in SHAPES_WITH_MAINTENANCE:
                add_maintenance_columns(rows, as_of=self.parameter_values(request, now)["as_of"])
        if request.accepted_renderer.format == "csv":
            disposition = f'attachment; filename="{self.shape.name}.csv"'
            columns = [column.name for column in columns_of(self.shape)]
            return csv_response(columns, rows, headers={"Content-Disposition": disposition})
        return Response({"items": row_serializer(self.shape)(rows, many=True).data})

    def visible_query(self, request: Request) -> dict[str, Any]:
        """Return the parameters of the request. If the caller can see only some clients, add the parameter `clients`.

        Raise PermissionDenied for a caller bound to a pipeline, and NotFound for a client_id that is not visible.
        """
        visibility, query = visibility_of(request), request.query_params.dict()
        if visibility.pipeline is not None:
            raise PermissionDenied(
                "This token is bound to one pipeline; reports need a token that sees at least one client."
            )
        if visibility.clients is None:
            return query
        # A UUID can be written in several ways, so compare the validated value.
        client_id = self.parameter_values(request)["client_id"]
        # Respond with 404 to an invisible client, as to an unknown client. So nobody can find out which clients exist.
        if client_id is not None and client_id not in visibility.clients:
            raise NotFound
        return query | {"clients": visibility.clients}


def parameters_of(shape: Shape) -> dict[str, tuple[Parameter, str]]:
    """Return the parameters that the report accepts, by name. Each one has its default, or "" for no default."""
    parameters = (
        {name: SHAPE_PARAMETERS[name] for name in shape.parameters}
        | COMMON_PARAMETERS
        | {LIMIT_PARAMETER: SHAPE_PARAMETERS[LIMIT_PARAMETER]}
    )
    return {
        name: (parameter, shape.parameters.get(name) or parameter.default) for name, parameter in parameters.items()
    }


def columns_of(shape: Shape) -> list[Column]:
    """Return the columns of the shape. For some shapes, add the columns with values from the maintenance file."""
    added = MAINTENANCE_COLUMNS if shape.name in SHAPES_WITH_MAINTENANCE else {}
    return [*shape.columns, *(Column(name, "text", True, meaning) for name, meaning in added.items())]


def row_serializer(shape: Shape) -> type[serializers.Serializer[Any]]:
    """Return a serializer class for the rows of a shape. Its name becomes the name of the schema in openapi.yaml."""
    name = "".join(word.title() for word in shape.name.split("_"))
    return type(
        f"{name}RowSerializer", (serializers.Serializer,), {c.name: _serializer_field(c) for c in columns_of(shape)}
    )


def _serializer_field(column: Column) -> serializers.Field[Any, Any, Any, Any]:
    return _SERIALIZER_FIELDS[column.sql_type](help_text=column.description, allow_null=column.nullable)


def _report_serializer(shape: Shape) -> type[serializers.Serializer[Any]]:
    name = "".join(word.title() for word in shape.name.split("_"))
    return type(f"{name}ReportSerializer", (serializers.Serializer,), {"items": row_serializer(shape)(many=True)})


def _openapi_parameter(name: str, parameter: Parameter, default: str) -> OpenApiParameter:
    schema = dict(_PARAMETER_SCHEMAS[parameter.sql_type])
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.minimum is not None:
        schema |= {"minimum": parameter.minimum, "maximum": parameter.maximum}
    description = parameter.description
    if name == LIMIT_PARAMETER and not default:
        description = f"{description} Default: all rows."
    if default:
        if parameter.sql_type == "integer":
            schema["default"] = int(default)
        elif parameter.choices:
            schema["default"] = default
        else:
            description = f"{description} Default: {default_text(default)}."
    return OpenApiParameter(name, schema, description=description)


def _view_class(shape: Shape) -> type[ReportView]:
    parameters = [
        _openapi_parameter(name, parameter, default) for name, (parameter, default) in parameters_of(shape).items()
    ]
    name = "".join(word.title() for word in shape.name.split("_"))

    @extend_schema(
        operation_id=f"report_{shape.name}",
        summary=shape.question,
        description=f"{shape.grain[0].upper()}{shape.grain[1:]}. Inventory: {shape.inventory}. {shape.notes}".strip(),
        parameters=parameters,
        responses={
            (200, "application/json"): _report_serializer(shape),
            (200, "text/csv"): OpenApiResponse(
                {"type": "string"}, "The same rows as CSV, after a line with the column names."
            ),
        },
        tags=["reports"],
    )
    def get(self: ReportView, request: Request) -> Response | StreamingHttpResponse:
        return self.report(request)

    return type(f"{name}Report", (ReportView,), {"shape": shape, "get": get})


def report_urls() -> list[URLPattern]:
    """Return a URL with a view of its own for each shape, so that openapi.yaml describes each shape."""
    return [
        path(f"reports/{name}", _view_class(shape).as_view(), name=f"report-{name}") for name, shape in shapes().items()
    ]
