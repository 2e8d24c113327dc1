"""Accept one trailing slash, although routes have none."""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

# The id of a run at its source is the rest of the path and may end in a slash.
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
    """Return whether to drop the last slash. It stays if it is part of a run's id."""
    if not (path.endswith("/") and path.startswith(_PREFIXES)):
        return False
    own_id = _RUN_PATH.match(path)
    return own_id is None or (own_id[1] == "latest/" and method != "PUT")
