"""GET /api/v1: links to the lists, the reports, the documentation and the contract document."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.api.viewsets import StrictView

# The name of each link, and the route that it leads to.
ROUTE_BY_LINK_NAME = {
    "clients": "clients",
    "pipelines": "pipelines",
    "runs": "runs",
    "alert_rules": "alert-rules",
    "firing_alert_rules": "firing-alert-rules",
    "reports": "reports",
    "errors": "errors",
    "schema": "schema",
    "docs": "docs",
}
LINK_DESCRIPTIONS = {
    "clients": "The list of clients.",
    "pipelines": "The list of pipelines.",
    "runs": "The list of runs.",
    "alert_rules": "The list of alert rules.",
    "firing_alert_rules": "The list of alert rules that are firing.",
    "reports": "The list of reports.",
    "errors": "The list of error codes.",
    "schema": "The contract document.",
    "docs": "The documentation for browsers.",
}


class RootView(StrictView):
    """Links to the lists, the reports, the documentation and the contract document."""

    permission = "inventory.view_client"

    @extend_schema(
        operation_id="root",
        summary="List the addresses to start from",
        tags=["start"],
        description="Returns the addresses of the lists, the reports, the documentation and the contract document.",
        responses=inline_serializer(
            "Root", {name: serializers.URLField(help_text=text) for name, text in LINK_DESCRIPTIONS.items()}
        ),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(
            {name: request.build_absolute_uri(reverse(route)) for name, route in ROUTE_BY_LINK_NAME.items()}
        )
