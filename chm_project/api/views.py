"""General views: health, the contract document and its documentation page, and unknown routes."""

import threading
from typing import Any, ClassVar, NoReturn

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import extend_schema, inline_serializer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotAuthenticated
from rest_framework.fields import CharField, ChoiceField
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chm_project.access.permissions import ScopedPermission
from chm_project.api import schema  # noqa: F401  # describes token authentication to the schema generator
from chm_project.api.errors import Busy
from chm_project.api.viewsets import StrictView
from chm_project.settings.version import VERSION


class HealthView(StrictView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    renderer_classes = (JSONRenderer,)

    @extend_schema(
        operation_id="health",
        summary="Check that the web server runs",
        description="Needs no token. Does not read the database.",
        responses=inline_serializer(
            "Health", {"status": ChoiceField(choices=["ok"], help_text="Always `ok`."), "version": CharField()}
        ),
    )
    def get(self, request: Request) -> Response:
        return Response({"status": "ok", "version": VERSION})


class SchemaView(StrictView, SpectacularAPIView):
    permission_classes = [ScopedPermission]
    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer, OpenApiYamlRenderer2]
    permission = "inventory.view_client"
    # The rendered schema by media type. It is the same for all users, and building it needs much CPU time.
    rendered: ClassVar[dict[str, str | bytes]] = {}
    build_lock = threading.Lock()

    def _get_schema_response(self, request: Request) -> HttpResponse:
        renderer = request.accepted_renderer
        if renderer.media_type not in self.rendered:
            # Refuse requests while the schema is being built: if they waited, they could occupy all threads.
            if not self.build_lock.acquire(blocking=False):
                raise Busy("The schema is being built; try again in a moment.")
            try:
                answer = super()._get_schema_response(request)  # type: ignore[no-untyped-call]
                self.rendered[renderer.media_type] = renderer.render(answer.data, renderer.media_type, {})
            finally:
                self.build_lock.release()
        disposition = f'inline; filename="{self._get_filename(request, None)}"'  # type: ignore[no-untyped-call]
        return HttpResponse(
            self.rendered[renderer.media_type],
            content_type=renderer.media_type,
            headers={"Content-Disposition": disposition},
        )


class DocsView(SpectacularSwaggerSplitView):
    """The documentation page. Its script has a URL of CHM, so it works with a strict Content-Security-Policy."""

    http_method_names = ["get", "head"]
    permission_classes = [ScopedPermission]
    permission = "inventory.view_client"

    def handle_exception(self, exc: Exception) -> Any:
        """Redirect a browser without a session to the login page, which redirects back after the login."""
        if isinstance(exc, NotAuthenticated) and "text/html" in self.request.headers.get("Accept", ""):
            return redirect_to_login(self.request.get_full_path(), reverse("admin:login"))
        return super().handle_exception(exc)


class UnknownRoute(APIView):
    """Answer 404, also to requests without credentials."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request, force=True)
        raise Http404


@csrf_exempt
def unknown_route(request: HttpRequest) -> HttpResponseBase:
    """Answer 404. If this were a view class, the browsable API would show it as the parent of every page."""
    return UnknownRoute.as_view()(request)
