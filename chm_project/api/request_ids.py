"""Give each request an id: its X-Request-ID, or a new one. The response, the log and every error contain it."""

import re
import secrets
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from chm_project.telemetry.context import begin_request

HEADER = "X-Request-ID"
# Accept only ids that cannot break a log line; replace others by a new id.
_ACCEPTED = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


class RequestIdMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        received = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = received if _ACCEPTED.fullmatch(received) else secrets.token_hex(16)
        begin_request(request_id)
        response = self.get_response(request)
        response.headers[HEADER] = request_id
        return response
