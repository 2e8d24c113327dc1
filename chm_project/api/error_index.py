"""GET /api/v1/errors: every error code with its cause and remedy."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.api.error_codes import CODES
from chm_project.api.viewsets import StrictView


class ErrorCodeSerializer(serializers.Serializer[Any]):
    status = serializers.IntegerField(help_text="The HTTP status of the response.")
    code = serializers.CharField(help_text="The value of `error.code`.")
    title = serializers.CharField(help_text="What it means.")
    cause = serializers.CharField(help_text="Why it happens.")
    remedy = serializers.CharField(help_text="What to do.")


class ErrorIndexSerializer(serializers.Serializer[Any]):
    items = ErrorCodeSerializer(many=True, help_text="The error codes, sorted by status.")


class ErrorIndexView(StrictView):
    permission = "inventory.view_client"

    @extend_schema(
        operation_id="errors_list",
        summary="List the error codes",
        description="Every error code with its cause and remedy.",
        responses=ErrorIndexSerializer,
        tags=["start"],
    )
    def get(self, request: Request) -> Response:
        return Response({"items": [asdict(entry) for entry in CODES]})
