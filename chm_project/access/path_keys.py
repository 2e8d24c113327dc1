"""Remove the keys of pings and feeds from the path, because logs and error pages repeat paths.

All later code, including Django's request log and error reports, sees only the visible part of a key.
"""

import re
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from chm_project.access.services import TOKEN_SHAPE

_KEY = re.compile(r"(/*(?:ping|feed)/+)([^/?]+)")
# Matches a key in any path, even one that CHM does not serve, such as //ping/KEY: the request log repeats it too.
_TOKEN = re.compile(TOKEN_SHAPE.pattern)
# WSGI variables that contain the path.
_PATH_VARIABLES = ("PATH_INFO", "REQUEST_URI", "RAW_URI", "SCRIPT_URL", "QUERY_STRING")


class PathKey(str):
    """A key whose repr does not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class PathKeyMiddleware:
    """Mask the key in the path. Views read it from `request.path_key`.

    It is the first middleware, so that no other can log the key.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if match := _KEY.match(request.path_info):
            request.path_key = PathKey(match[2])  # type: ignore[attr-defined]
        if match or _TOKEN.search(request.get_full_path()):
            request.path_info, request.path = masked(request.path_info), masked(request.path)
            for name in _PATH_VARIABLES:
                if name in request.META:
                    request.META[name] = masked(request.META[name])
        return self.get_response(request)


def masked(path: str) -> str:
    """Return the path with only the visible part of each key."""
    path = _KEY.sub(lambda match: match[1] + visible_part(match[2]), path, count=1) if _KEY.match(path) else path
    return _TOKEN.sub(lambda match: visible_part(match[0]), path)


def visible_part(key: str) -> str:
    """Return the part of a key that lists of tokens show; empty for a malformed key."""
    return f"{key[:12]}_***" if TOKEN_SHAPE.fullmatch(key) else "***"
