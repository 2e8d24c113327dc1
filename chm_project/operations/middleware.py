"""Middleware: probes, limits for statements, and errors during an outage."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse

from chm_project.api.errors import unavailable
from chm_project.api.views import HealthView
from chm_project.db import limits
from chm_project.db.error_responses import refusal_of
from chm_project.operations.views import MetricsView, ReadyView


class ProbeMiddleware:
    """Answer probes before sessions and allowed hosts: an orchestrator uses an IP address and has no session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.views: dict[str, Callable[..., Any]] = {
            "/health": HealthView.as_view(),
            "/ready": ReadyView.as_view(),
            "/metrics": MetricsView.as_view(),
        }

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        view = self.views.get(request.path_info)
        # For a request with a session, the user's permissions are checked, which needs the other middleware.
        if view is None or settings.SESSION_COOKIE_NAME in request.COOKIES:
            return self.get_response(request)
        # An API view, called without other middleware; its response must be rendered here.
        answer: HttpResponse = view(request)
        if isinstance(answer, SimpleTemplateResponse):
            answer.render()
        # CommonMiddleware, which sets this header, does not run.
        answer.headers["Content-Length"] = str(len(answer.content))
        return answer


class LimitsMiddleware:
    """Set the statement timeout of a request: shorter for the API than for pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with limits.limited(limits.PAGE if request.path_info.startswith("/admin/") else limits.API):
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer database errors of pages; the API has its own handler."""
        refusal = refusal_of(error)
        return unavailable(request, refusal) if refusal else None
