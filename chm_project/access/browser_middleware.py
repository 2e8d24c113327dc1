"""Run Django's middleware for sessions, users and messages only for requests that need it.

Requests to the API and to ping addresses skip this middleware if they have no cookie. A token, or the key in the path,
authenticates these requests.
"""

from typing import Any

from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

_PATHS_WITHOUT_COOKIES = ("/api/v1/", "/ping/")


class _SkippedWithoutCookie(MiddlewareMixin):
    def __call__(self, request: HttpRequest) -> Any:
        if "HTTP_COOKIE" not in request.META and request.path_info.startswith(_PATHS_WITHOUT_COOKIES):
            return self.get_response(request)
        return super().__call__(request)


class SessionMiddleware(_SkippedWithoutCookie, sessions.SessionMiddleware):
    pass


class AuthenticationMiddleware(_SkippedWithoutCookie, auth.AuthenticationMiddleware):
    pass


class MessageMiddleware(_SkippedWithoutCookie, messages.MessageMiddleware):
    pass
