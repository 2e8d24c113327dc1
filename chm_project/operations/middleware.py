"""Middleware for probes, for the time limits of database statements, and for database errors in pages."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse

from chm_project.api.errors import unavailable
from chm_project.api.views import HealthView
from chm_project.db import time_limits
from chm_project.db.error_responses import error_response_for
from chm_project.operations.views import MetricsView, ReadyView


class ProbeMiddleware:
    """Answer probes before the middleware for hosts and sessions. A probe uses an IP address, and has no session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.views: dict[str, Callable[..., Any]] = {
            "/health": HealthView.as_view(),
            "/ready": ReadyView.as_view(),
            "/metrics": MetricsView.as_view(),
        }

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        view = self.views.get(request.path_info)
        # A request with a session cookie needs the later middleware, which loads the session and its user.
        if view is None or settings.SESSION_COOKIE_NAME in request.COOKIES:
            return self.get_response(request)
        # The other middleware does not run, so render the response of the API view here.
        response: HttpResponse = view(request)
        if isinstance(response, SimpleTemplateResponse):
            response.render()
        # CommonMiddleware would set this header, but it does not run.
        response.headers["Content-Length"] = str(len(response.content))
        return response


class LimitsMiddleware:
    """Set the time limit of SQL statements: one limit for requests of the API, and a longer limit for pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with time_limits.request_limits(
            time_limits.PAGE if request.path_info.startswith("/admin/") else time_limits.API
        ):
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Return the response to a database error in a page, or None for any other error.

        Errors of the API do not get here, because REST framework handles them.
        """
        error_response = error_response_for(error)
        return unavailable(request, error_response) if error_response else None
