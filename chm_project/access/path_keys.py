"""Ping keys stand in the path, which logs and error pages repeat. So the key is taken out of the request at the door.

Whatever comes after, our own code, Django's request log and error reports alike, sees the visible part alone.
"""

import re
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from chm_project.access.services import TOKEN_SHAPE

PREFIX = "/ping/"
_KEY = re.compile(r"/ping/+([^/?]+)")


class PathKey(str):
    """A secret: it shows itself to nobody who only prints it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class PathKeyMiddleware:
    """Stands first, so that no other middleware can log the key. The view finds it in `request.path_key`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if found := _KEY.match(request.path_info):
            request.path_key = PathKey(found[1])  # type: ignore[attr-defined]
            masked = PREFIX + visible_part(found[1])
            request.path_info = _KEY.sub(masked, request.path_info, count=1)
            request.path = _KEY.sub(masked, request.path, count=1)
            for name, value in request.META.items():
                # PATH_INFO, and what web servers add: REQUEST_URI, RAW_URI, SCRIPT_URL.
                if isinstance(value, str) and PREFIX in value:
                    request.META[name] = _KEY.sub(masked, value)
        return self.get_response(request)


def visible_part(key: str) -> str:
    """What lists of tokens show of it too; nothing of a key that is not shaped like one."""
    return f"{key[:12]}_***" if TOKEN_SHAPE.fullmatch(key) else "***"
