"""Routes have no trailing slash; one is tolerated."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

_PREFIXES = ("/api/v1/", "/health/", "/ready/", "/metrics/", "/ping/")


class TrailingSlashMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if has_spare_slash(request.method, request.path_info):
            request.path_info = request.path_info[:-1]
            request.path = request.path[:-1]
        return self.get_response(request)


def has_spare_slash(method: str | None, path: str) -> bool:
    """Not where the rest of the path is a run's own id, which may end in a slash."""
    is_push = method == "PUT" and "/runs/" in path
    return path.endswith("/") and path.startswith(_PREFIXES) and not is_push
