"""Set the header Content-Security-Policy, so that a browser never runs text from a partner as a script."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

_COMMON_RULES = (
    "default-src 'none'; connect-src 'self'; font-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; style-src 'self' 'unsafe-inline'; "
)
# Swagger UI and the browsable API have inline styles, but no inline script.
STRICT_POLICY = _COMMON_RULES + "script-src 'self'"
# The pages below /admin/ use Alpine, a JavaScript library. Alpine needs 'unsafe-eval', because it compiles the
# expressions in attributes. These pages have no inline script either.
ADMIN_POLICY = _COMMON_RULES + "script-src 'self' 'unsafe-eval'"


class ContentPolicyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        policy = ADMIN_POLICY if request.path_info.startswith("/admin/") else STRICT_POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        return response
