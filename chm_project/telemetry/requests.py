"""Write one log line for each request, and count it in the metrics."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from chm_project.access.path_keys import visible_part
from chm_project.telemetry.metrics import count_request, record_pool

logger = logging.getLogger("chm.request")

# Prometheus and health checks request these paths every few seconds. So responses below status 500 are logged at the
# level DEBUG.
PROBE_NAME_BY_PATH = {"/health": "health", "/ready": "ready", "/metrics": "metrics"}


class RequestLogMiddleware:
    """Log and count each request when its response is ready."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started_at = time.perf_counter()
        response = self.get_response(request)
        seconds = time.perf_counter() - started_at
        route, status = _route(request), response.status_code
        count_request(request.method or "", route, status, seconds)
        record_pool()
        is_routine = status < 500 and (route in PROBE_NAME_BY_PATH.values() or route == "static")
        level = logging.DEBUG if is_routine else logging.INFO
        if logger.isEnabledFor(level):
            fields = {
                "method": request.method, "route": route, "path": request.path, "status": status,
                "ms": round(seconds * 1000, 1), "actor": _actor(request),
            }  # fmt: skip
            logger.log(level, "%(method)s %(path)s %(status)s in %(ms)s ms", fields, extra=fields)
        return response


def _route(request: HttpRequest) -> str:
    """Return the pattern of the request's route. Unlike the path, the pattern has few values, as a label should."""
    if probe := PROBE_NAME_BY_PATH.get(request.path_info):
        return probe
    if request.path_info.startswith(f"/{settings.STATIC_URL.strip('/')}/"):
        return "static"
    match = request.resolver_match
    # The last route of the API matches every unknown path.
    return match.route if match and "[\\s\\S]" not in match.route else "unmatched"


def _actor(request: HttpRequest) -> str:
    """Return the account of the request, the visible part of the key in its path, or "anonymous".

    Do not load the user from the database for the log.
    """
    if key := getattr(request, "path_key", None):
        return visible_part(key)
    if isinstance(auth := getattr(request, "auth", None), str):
        return auth
    user: Any = vars(request).get("user")
    if hasattr(user, "_wrapped"):  # the lazy user of a session, which is cached after its first use
        user = getattr(request, "_cached_user", None)
    return user.get_username() if user is not None and user.is_authenticated else "anonymous"
