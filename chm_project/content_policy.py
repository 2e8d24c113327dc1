"""Set the Content-Security-Policy, so that text from partners can never run as a script."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

_EVERYWHERE = (
    "default-src 'none'; connect-src 'self'; font-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; style-src 'self' 'unsafe-inline'; "
)
# Swagger UI and the browsable API have inline styles, but no inline script.
STRICT = _EVERYWHERE + "script-src 'self'"
# The admin's pages use Alpine, which compiles expressions in attributes and therefore needs 'unsafe-eval'. No page has
# an inline script.
ADMIN = _EVERYWHERE + "script-src 'self' 'unsafe-eval'"


class ContentPolicyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        policy = ADMIN if request.path_info.startswith("/admin/") else STRICT
        response.headers.setdefault("Content-Security-Policy", policy)
        return response
