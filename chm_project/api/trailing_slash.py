"""Accept one slash at the end of paths of the API and pings, and of /health, /ready and /metrics.

The routes have no slash at the end.
"""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

# A path that ends with the id of a run at its source. Such an id may end in a slash.
_RUN_PATH = re.compile(r"/api/v1/pipelines/[^/]+/runs/([\s\S]+)")
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
    """Return whether to remove the slash at the end of the path. A slash that is part of a run's id is kept."""
    if not (path.endswith("/") and path.startswith(_PREFIXES)):
        return False
    # GET runs/latest/ reads the latest run. PUT runs/latest/ stores a run whose id is "latest/".
    match = _RUN_PATH.match(path)
    return match is None or (match[1] == "latest/" and method != "PUT")
