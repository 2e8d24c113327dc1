"""Limit requests with counters in the shared cache.

Time is divided into fixed windows, so a counter is one number per window that the cache increments atomically. For a
large limit, a process reserves several requests at once, so that most requests need no access to the cache. The limit
is never exceeded, but a caller may reach it early, because other processes have reserved requests that they do not
use. If the cache is down, no limit applies and an error is logged.
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

# A process reserves limit / RESERVED_DIVISOR requests at once, but at most MAX_RESERVED.
RESERVED_DIVISOR = 500
MAX_RESERVED = 20
# Maximum number of reserved blocks that a process keeps: one per caller and window.
MAX_BLOCKS = 10_000


@dataclass(frozen=True, slots=True)
class LimitState:
    """The state of a caller's limit after a request was counted."""

    limit: int
    used: int
    period: int
    reset: float  # seconds until the next window

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
    """For each key, the request numbers that this process has reserved in the cache and not used yet.

    The number of a request is its position in the window: the first request of the window has the number 1.
    """

    def __init__(self) -> None:
        self._left: dict[str, range] = {}
        self._lock = threading.Lock()

    def next(self, key: str, reserve: Callable[[], tuple[int, int]]) -> int:
        """Return the number of this request.

        If no reserved number is left, call `reserve`. It reserves a block of numbers in the cache, and returns the last
        number and the size of the block.
        """
        with self._lock:
            if left := self._left.get(key):
                self._left[key] = left[1:]
                return left[0]
        last_number, size = reserve()
        with self._lock:
            if len(self._left) >= MAX_BLOCKS:
                self._left.clear()  # most of these blocks belong to windows that have ended
            self._left[key] = range(last_number - size + 2, last_number + 1)
        return last_number - size + 1


class Limit:
    """A limit on the requests of each caller.

    `rate_setting` is the name of a setting, such as CHM_THROTTLE_TOKEN, whose value is a rate, such as 100/minute.
    """

    def __init__(self, name: str, rate_setting: str, *, reserve_blocks: bool = False) -> None:
        self._name = name
        self._rate_setting = rate_setting
        self._reserved_numbers = ReservedNumbers() if reserve_blocks else None

    def count_and_get_wait(self, caller: str, request_count: int = 1) -> float | None:
        """Count the requests; -1 subtracts one. Return the seconds to wait if the limit is exceeded, else None."""
        state = self.count_and_get_state(caller, request_count)
        return state.wait if state else None

    def count_and_get_state(self, caller: str, request_count: int = 1) -> LimitState | None:
        """Count the requests and return the new state; None if the cache is down."""

        def count_requests(key: str, seconds: int) -> int:
            block_size = min(parse_rate(getattr(settings, self._rate_setting))[0] // RESERVED_DIVISOR, MAX_RESERVED)
            if self._reserved_numbers is None or request_count > 1 or block_size <= 1:
                return self._increment(key, seconds, request_count)
            return self._reserved_numbers.next(key, lambda: (self._increment(key, seconds, block_size), block_size))

        return self._state(caller, count_requests)

    def _state(self, caller: str, count: Callable[[str, int], int]) -> LimitState | None:
        limit, seconds = parse_rate(getattr(settings, self._rate_setting))
        window, passed = divmod(time.time(), seconds)
        # Quote user names, because they may contain characters that cache keys may not contain.
        key = f"throttle:{self._name}:{quote(caller, safe=':')}:{int(window)}"
        try:
            return LimitState(limit, count(key, seconds), seconds, seconds - passed)
        except Exception as error:  # noqa: BLE001 - the cache's client may raise anything
            logger.error("the cache is down: %s limit not applied (%s)", self._name, type(error).__name__)  # noqa: TRY400
            return None

    @staticmethod
    def _increment(key: str, seconds: int, request_count: int) -> int:
        if increment_expiring := getattr(cache, "increment_expiring", None):
            # Keep the counter longer than its window.
            return int(increment_expiring(key, request_count, seconds * 2))
        # Only CHM's Redis cache has increment_expiring. The code below is for other caches, such as Django's in memory.
        try:
            return cache.incr(key, request_count)
        except ValueError:
            # If another process has added the key first, add() does nothing, and the increment below still works.
            cache.add(key, 0, timeout=seconds * 2)
            return cache.incr(key, request_count)


TOKEN_LIMIT = Limit("token", "CHM_THROTTLE_TOKEN", reserve_blocks=True)
LIMIT_WITHOUT_CREDENTIALS = Limit("address", "CHM_THROTTLE_ADDRESS")
INVALID_CREDENTIALS_LIMIT = Limit("refused", "CHM_THROTTLE_REFUSED")
LINEAGE_LIMIT = Limit("lineage", "CHM_THROTTLE_LINEAGE")


class TokenThrottle(BaseThrottle):
    """Limit the requests of each token and each user."""

    def __init__(self) -> None:
        self._wait: float | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        token = request.auth
        caller = f"token-{token.pk}" if isinstance(token, ApiToken) else f"user-{request.user.pk}"
        state = TOKEN_LIMIT.count_and_get_state(caller)
        if state is None:
            return True
        self._wait = state.wait
        # The view reads this state for the response headers, so it needs no second access to the cache.
        request._request.rate_limit = state  # type: ignore[attr-defined]
        return self._wait is None

    def wait(self) -> float | None:
        return self._wait


def throttle_token(token: ApiToken, limit: Limit = TOKEN_LIMIT, request_count: int = 1) -> None:
    """Count requests of a token; raise Throttled if the limit is exceeded."""
    if (wait := limit.count_and_get_wait(f"token-{token.pk}", request_count)) is not None:
        raise Throttled(wait)


def throttle_address(request: HttpRequest | Request) -> None:
    """Count a request without credentials; raise Throttled if the limit is exceeded."""
    if (wait := LIMIT_WITHOUT_CREDENTIALS.count_and_get_wait(address_of(request))) is not None:
        raise Throttled(wait)


def throttle_invalid_credentials(request: HttpRequest | Request) -> None:
    """Count a wrong key or token that an address sent. Raise Throttled if the address sent too many.

    Requests with valid credentials are not counted here, even from the same address.
    """
    if (wait := INVALID_CREDENTIALS_LIMIT.count_and_get_wait(address_of(request))) is not None:
        raise Throttled(wait)


def address_of(request: HttpRequest | Request) -> str:
    """Return the IP address of the caller, which `ProxyMiddleware` has set."""
    return str(request.META["REMOTE_ADDR"])
