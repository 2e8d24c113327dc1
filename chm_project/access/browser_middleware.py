"""Django's middleware for sessions, users and messages of browsers. Requests of API clients and pings skip it.

These requests have no cookie: a token or a key in the path authenticates them.
"""

from typing import Any

from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

_PATHS_WITHOUT_COOKIES = ("/api/v1/", "/ping/")


class _ForBrowsers(MiddlewareMixin):
    def __call__(self, request: HttpRequest) -> Any:
        if "HTTP_COOKIE" not in request.META and request.path_info.startswith(_PATHS_WITHOUT_COOKIES):
            return self.get_response(request)
        return super().__call__(request)


class SessionMiddleware(_ForBrowsers, sessions.SessionMiddleware):
    pass


class AuthenticationMiddleware(_ForBrowsers, auth.AuthenticationMiddleware):
    pass


class MessageMiddleware(_ForBrowsers, messages.MessageMiddleware):
    pass
