"""GET /reports: every shape with its parameters and columns."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.api.viewsets import StrictView
from chm_project.db.reporting.files import TYPES
from runs.api.reports import columns_of, parameters_of
from runs.reporting.parameters import Parameter
from runs.reporting.shapes import Shape, shapes

COLUMN_TYPES = [(name, name) for name in TYPES]


class ReportParameterSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="The name of the query parameter.")
    type = serializers.ChoiceField(choices=COLUMN_TYPES, help_text="PostgreSQL's name of the type.")
    description = serializers.CharField(help_text="The effect of the parameter.")
    default_value = serializers.CharField(allow_null=True, help_text="The default; null for no restriction.")
    choices = serializers.ListField(
        child=serializers.CharField(), help_text="The allowed values; empty if every value of the type is allowed."
    )
    minimum = serializers.IntegerField(
        allow_null=True, help_text="The smallest allowed value; null if the type is not integer."
    )
    maximum = serializers.IntegerField(
        allow_null=True, help_text="The largest allowed value; null if the type is not integer."
    )


class ReportColumnSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="The name of the column.")
    type = serializers.ChoiceField(choices=COLUMN_TYPES, help_text="PostgreSQL's name of the type.")
    nullable = serializers.BooleanField(help_text="Whether the column can be null.")
    description = serializers.CharField(help_text="The content of the column.")


class ReportDescriptionSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="The name of the report.")
    url = serializers.URLField(help_text="The URL of the report.")
    question = serializers.CharField(help_text="The question that the report answers.")
    grain = serializers.CharField(help_text="What one row represents.")
    inventory = serializers.CharField(help_text="Which pipelines the report includes, such as `active` or `all`.")
    parameters = ReportParameterSerializer(many=True, help_text="The query parameters of the report.")
    columns = ReportColumnSerializer(many=True, help_text="The columns of a row.")


class ReportIndexSerializer(serializers.Serializer[Any]):
    items = ReportDescriptionSerializer(many=True, help_text="The reports, sorted by name.")


class ReportIndexView(StrictView):
    permission = "runs.view_run"

    @extend_schema(
        operation_id="reports_list",
        summary="List the reports",
        description="Each report with its parameters and columns. A report is also called a shape: one SQL query with "
        "fixed columns, which the API, the console, Grafana and Metabase all run.",
        responses=ReportIndexSerializer,
        tags=["reports"],
    )
    def get(self, request: Request) -> Response:
        items = [
            _description(shape, request.build_absolute_uri(reverse(f"report-{name}")))
            for name, shape in _shapes_by_name()
        ]
        return Response({"items": items})


def _shapes_by_name() -> list[tuple[str, Shape]]:
    return sorted(shapes().items())


def _description(shape: Shape, url: str) -> dict[str, Any]:
    return {
        "name": shape.name,
        "url": url,
        "question": shape.question,
        "grain": shape.grain,
        "inventory": shape.inventory,
        "parameters": [
            _parameter(name, parameter, default) for name, (parameter, default) in parameters_of(shape).items()
        ],
        "columns": [
            {
                "name": column.name,
                "type": column.sql_type,
                "nullable": column.nullable,
                "description": column.description,
            }
            for column in columns_of(shape)
        ],
    }


def _parameter(name: str, parameter: Parameter, default: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": parameter.sql_type,
        "description": parameter.description,
        "default_value": default or None,
        "choices": list(parameter.choices),
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
    }
