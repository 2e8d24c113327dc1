"""Views without a domain: alive, the API's description, and what is not there."""

from typing import Any, NoReturn

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import extend_schema, inline_serializer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.fields import CharField, ChoiceField
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chm_project.access.permissions import ScopedPermission
from chm_project.api import schema  # noqa: F401  # the generator must know how tokens are sent
from chm_project.api.viewsets import StrictView
from chm_project.settings.version import VERSION


class HealthView(StrictView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    renderer_classes = (JSONRenderer,)

    @extend_schema(
        operation_id="health",
        summary="Is the web server alive?",
        description="Needs no token and no database.",
        responses=inline_serializer("Health", {"status": ChoiceField(choices=["ok"]), "version": CharField()}),
    )
    def get(self, request: Request) -> Response:
        return Response({"status": "ok", "version": VERSION})


class SchemaView(StrictView, SpectacularAPIView):
    permission_classes = [ScopedPermission]
    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer, OpenApiYamlRenderer2]
    permission = "inventory.view_client"


class DocsView(SpectacularSwaggerSplitView):
    """A page for people; its script comes from the same address, so that a strict content policy can hold."""

    http_method_names = ["get", "head"]
    permission_classes = [ScopedPermission]
    permission = "inventory.view_client"


class UnknownRoute(APIView):
    """Also for people who are not logged in: there is nothing here to protect."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request, force=True)
        raise Http404


@csrf_exempt
def unknown_route(request: HttpRequest) -> HttpResponseBase:
    """A plain function, which the browsable API does not take for a parent of every page."""
    return UnknownRoute.as_view()(request)
