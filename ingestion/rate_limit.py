"""Limit requests to a partner by the connection's `requests_per_second` and the partner's Retry-After."""

import time
from collections.abc import Callable


class RateLimit:
    """A token bucket that holds the requests of one second, and the pause that a partner asked for."""

    def __init__(
        self,
        requests_per_second: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create the limit. If `requests_per_second` is 0, only pauses delay requests."""
        self._rate = requests_per_second
        self._burst = self._tokens = max(1.0, requests_per_second)
        self._sleep = sleep
        self._clock = clock
        self._filled_at = clock()
        self._paused_until = self._filled_at

    def pause(self, seconds: float) -> None:
        """Delay all requests by these seconds. If an earlier pause ends later, it stays."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def remaining_pause(self) -> float:
        """Return the remaining seconds of the partner's pause."""
        return max(0.0, self._paused_until - self._clock())

    def wait(self) -> None:
        """Wait until the next request may be sent."""
        now = self._clock()
        delay = self._paused_until - now
        if self._rate:
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
            self._filled_at = now
            delay = max(delay, (1 - self._tokens) / self._rate)
            # The bucket may become negative: the sleep below lasts until its content would be zero again.
            self._tokens -= 1
        if delay > 0:
            self._sleep(delay)
