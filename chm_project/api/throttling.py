"""Limit requests with counters in the shared cache.

Windows are fixed, so a counter is one number that the cache increments atomically. For large limits a process reserves
a few requests at once, so most requests need no access to the cache. The limit is never exceeded, but a caller may
reach it early because of requests that other processes reserved. If the cache is down, no limit applies and an error
is logged.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from chm_project.access.models import ApiToken
from chm_project.settings.environment import parse_rate

if TYPE_CHECKING:
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)

# A process reserves the limit divided by AHEAD_SHARE at once, but at most MAX_AHEAD requests.
AHEAD_SHARE = 500
MAX_AHEAD = 20
# Maximum number of callers and windows that a process keeps.
MAX_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class LimitState:
    """The state of a caller's limit after a request was counted."""

    limit: int
    used: int
    period: int
    reset: float  # seconds

    @property
    def wait(self) -> float | None:
        """Return the seconds to wait if the limit is exceeded, else None."""
        return self.reset if self.used > self.limit else None

    @property
    def headers(self) -> dict[str, str]:
        left = max(self.limit - self.used, 0)
        return {
            "RateLimit-Policy": f'"requests";q={self.limit};w={self.period}',
            "RateLimit": f'"requests";r={left};t={math.ceil(self.reset)}',
        }


class ReservedNumbers:
    """Requests that this process has reserved in the cache and not used yet, by key."""

    def __init__(self) -> None:
        self._left: dict[str, range] = {}
        self._lock = threading.Lock()

    def next(self, key: str, count: Callable[[], tuple[int, int]]) -> int:
        """Return the number of this request.

        If no reserved number is left, call `count`. It reserves a block and returns its last number and its size.
        """
        with self._lock:
            if left := self._left.get(key):
                self._left[key] = left[1:]
                return left[0]
        last, number = count()
        with self._lock:
            if len(self._left) >= MAX_KEYS:
                self._left.clear()  # most of them belong to windows that have ended
            self._left[key] = range(last - number + 2, last + 1)
        return last - number + 1


class Limit:
    """A limit per caller. `rate` is the name of a setting; windows begin at multiples of the period."""

    def __init__(self, name: str, rate: str, *, ahead: bool = False) -> None:
        self._name = name
        self._rate = rate
        self._ahead = ReservedNumbers() if ahead else None

    def count(self, caller: str, number: int = 1) -> float | None:
        """Count `number` requests; return the seconds to wait if the limit is exceeded."""
        state = self.consume(caller, number)
        return state.wait if state else None

    def consume(self, caller: str, number: int = 1) -> LimitState | None:
        """Count `number` requests and return the new state; None if the cache is down."""

        def counted(key: str, seconds: int) -> int:
            ahead = min(parse_rate(getattr(settings, self._rate))[0] // AHEAD_SHARE, MAX_AHEAD)
            if self._ahead is None or number > 1 or ahead <= 1:
                return self._incremented(key, seconds, number)
            return self._ahead.next(key, lambda: (self._incremented(key, seconds, ahead), ahead))

        return self._state(caller, counted)

    def reached(self, caller: str) -> float | None:
        """Return the seconds to wait if the next request would exceed the limit, without counting."""
        state = self._state(caller, lambda key, seconds: int(cache.get(key, 0)) + 1)
        return state.wait if state else None

    def _state(self, caller: str, count: Callable[[str, int], int]) -> LimitState | None:
        limit, seconds = parse_rate(getattr(settings, self._rate))
        window, passed = divmod(time.time(), seconds)
        # Quoted, because names of users may contain characters that cache keys may not.
        key = f"throttle:{self._name}:{quote(caller, safe=':')}:{int(window)}"
        try:
            return LimitState(limit, count(key, seconds), seconds, seconds - passed)
        except Exception as error:  # noqa: BLE001 - the cache's client may raise anything
            logger.error("the cache is down: %s limit not applied (%s)", self._name, type(error).__name__)  # noqa: TRY400
            return None

    @staticmethod
    def _incremented(key: str, seconds: int, number: int) -> int:
        if increment_expiring := getattr(cache, "increment_expiring", None):
            # The counter must outlive its window.
            return int(increment_expiring(key, number, seconds * 2))
        try:
            return cache.incr(key, number)
        except ValueError:
            # If another process adds the key in between, the second increment finds it.
            cache.add(key, 0, timeout=seconds * 2)
            return cache.incr(key, number)


TOKEN = Limit("token", "CHM_THROTTLE_TOKEN", ahead=True)
ADDRESS = Limit("address", "CHM_THROTTLE_ADDRESS")
REFUSED = Limit("refused", "CHM_THROTTLE_REFUSED")
LINEAGE = Limit("lineage", "CHM_THROTTLE_LINEAGE")


class TokenThrottle(BaseThrottle):
    """Limit requests per token and per user."""

    def __init__(self) -> None:
        self._wait: float | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        token = request.auth
        caller = f"token-{token.pk}" if isinstance(token, ApiToken) else f"user-{request.user.pk}"
        state = TOKEN.consume(caller)
        if state is None:
            return True
        self._wait = state.wait
        # For the response headers, without another access to the cache.
        request._request.rate_limit = state  # type: ignore[attr-defined]
        return self._wait is None

    def wait(self) -> float | None:
        return self._wait


def throttle_token(token: ApiToken, limit: Limit = TOKEN, number: int = 1) -> None:
    """Count requests of a token; raise Throttled if the limit is exceeded."""
    if (wait := limit.count(f"token-{token.pk}", number)) is not None:
        raise Throttled(wait)


def throttle_address(request: HttpRequest | Request) -> None:
    """Count a request without credentials; raise Throttled if the limit is exceeded."""
    if (wait := ADDRESS.count(address_of(request))) is not None:
        raise Throttled(wait)


def throttle_refusal(request: HttpRequest | Request) -> None:
    """Count a wrong key or token; raise Throttled if the address sent too many.

    Valid credentials are not counted, so wrong ones from an address do not block valid ones from the same address.
    """
    if (wait := REFUSED.count(address_of(request))) is not None:
        raise Throttled(wait)


def address_of(request: HttpRequest | Request) -> str:
    """Return the client's address, as determined by `ProxyMiddleware`."""
    return str(request.META["REMOTE_ADDR"])
