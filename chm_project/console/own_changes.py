"""Remember in a cookie when a user last changed something, so that the next pages show the change."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from chm_project.db.replica import begin_reads, largest_lag_seconds

COOKIE = "chm_changed_at"
MIN_COOKIE_LIFETIME = timedelta(minutes=5)
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")


class OwnChangesMiddleware:
    """Set the cookie after each request of the console that may have changed something."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # A request that may change something must not read the replica. So pass a future time as the time of the user's
        # last change: no replica has all changes until then.
        begin_reads(changed_at(request) if request.method in _SAFE_METHODS else timezone.now() + MIN_COOKIE_LIFETIME)
        response = self.get_response(request)
        # A request that was refused has changed nothing.
        if request.method not in _SAFE_METHODS and request.path.startswith("/admin/") and response.status_code < 400:
            moment = str(timezone.now().timestamp())
            response.set_cookie(
                COOKIE, moment, max_age=_cookie_lifetime(), secure=request.is_secure(), httponly=True, samesite="Lax"
            )
        return response


def changed_at(request: HttpRequest) -> datetime | None:
    """Return when this user last changed something in the console; None if never or long ago."""
    try:
        return datetime.fromtimestamp(float(request.COOKIES.get(COOKIE, "")), UTC)
    # The browser can send any text in the cookie.
    except (ValueError, OverflowError, OSError):
        return None


def _cookie_lifetime() -> timedelta:
    """Return how long the browser must keep the cookie: as long as a stored board or the replica can lack a change."""
    seconds = max(settings.CHM_BOARD_REUSE_SECONDS, settings.CHM_REPLICA_MAX_LAG_SECONDS)
    return max(MIN_COOKIE_LIFETIME, timedelta(seconds=seconds))


def replica_lag(_request: HttpRequest) -> dict[str, Any]:
    """Give templates the function `replica_lag_seconds`.

    The function returns the largest lag of the request's reads so far. A value would be computed too early, because a
    template can read more data while it is rendered.
    """
    return {"replica_lag_seconds": largest_lag_seconds}
