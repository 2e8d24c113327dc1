"""Mask the keys of pings and feeds in the path of a request, because logs and error pages contain paths.

Later code, including Django's request log and error reports, sees only the visible part of a key in paths. Only
`request.path_key` has the whole key.
"""

import re
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from chm_project.access.services import TOKEN_FORMAT

_KEY_PATH = re.compile(r"(/*(?:ping|feed)/+)([^/?]+)")
# A key in any path. The request log also contains unknown paths, such as /pings/KEY.
_TOKEN_ANYWHERE = re.compile(TOKEN_FORMAT.pattern)
# WSGI variables that contain the path or the query string.
_PATH_VARIABLES = ("PATH_INFO", "REQUEST_URI", "RAW_URI", "SCRIPT_URL", "QUERY_STRING")


class PathKey(str):
    """A key that repr() masks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class PathKeyMiddleware:
    """Mask the key in the path. Views read the key from `request.path_key`.

    In MIDDLEWARE, this class comes before every middleware that logs paths.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if match := _KEY_PATH.match(request.path_info):
            request.path_key = PathKey(match[2])  # type: ignore[attr-defined]
        if match or _TOKEN_ANYWHERE.search(request.get_full_path()):
            request.path_info, request.path = mask_keys(request.path_info), mask_keys(request.path)
            for name in _PATH_VARIABLES:
                if name in request.META:
                    request.META[name] = mask_keys(request.META[name])
        return self.get_response(request)


def mask_keys(path: str) -> str:
    """Return the path with each key replaced by its visible part."""
    path = (
        _KEY_PATH.sub(lambda match: match[1] + visible_part(match[2]), path, count=1) if _KEY_PATH.match(path) else path
    )
    return _TOKEN_ANYWHERE.sub(lambda match: visible_part(match[0]), path)


def visible_part(key: str) -> str:
    """Return a text such as "chm_aB3dE6gH_***", which identifies the key; "***" for a malformed key."""
    return f"{key[:12]}_***" if TOKEN_FORMAT.fullmatch(key) else "***"
