"""Keys of pings and feeds are part of the path, which logs and error pages repeat. So they are removed first.

Everything after this, CHM's code, Django's request log and error reports, only sees the visible part of a key.
"""

import re
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from chm_project.access.services import TOKEN_SHAPE

_KEY = re.compile(r"(/*(?:ping|feed)/+)([^/?]+)")
# Also removes a key from a path that is not CHM's, such as //ping/KEY, because the request log repeats every wrong
# path.
_TOKEN = re.compile(TOKEN_SHAPE.pattern)
_PATHS = ("PATH_INFO", "REQUEST_URI", "RAW_URI", "SCRIPT_URL", "QUERY_STRING")


class PathKey(str):
    """A key whose repr does not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class PathKeyMiddleware:
    """The first middleware, so that no other can log the key. Views read it from `request.path_key`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if found := _KEY.match(request.path_info):
            request.path_key = PathKey(found[2])  # type: ignore[attr-defined]
        if found or _TOKEN.search(request.get_full_path()):
            request.path_info, request.path = masked(request.path_info), masked(request.path)
            for name in _PATHS:
                if name in request.META:
                    request.META[name] = masked(request.META[name])
        return self.get_response(request)


def masked(path: str) -> str:
    path = _KEY.sub(lambda at: at[1] + visible_part(at[2]), path, count=1) if _KEY.match(path) else path
    return _TOKEN.sub(lambda at: visible_part(at[0]), path)


def visible_part(key: str) -> str:
    """Return the part of a key that lists of tokens show; empty for a malformed key."""
    return f"{key[:12]}_***" if TOKEN_SHAPE.fullmatch(key) else "***"
