"""When the next request to a partner may go out: our own budget, and what the partner asked for."""

import time
from collections.abc import Callable


class RateLimit:
    """A token bucket of up to a second's requests, and a hold: a partner that says when to come back means everyone."""

    def __init__(
        self,
        requests_per_second: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """No budget where `requests_per_second` is 0."""
        self._rate = requests_per_second
        self._burst = self._tokens = max(1.0, requests_per_second)
        self._sleep = sleep
        self._clock = clock
        self._filled_at = clock()
        self._held_until = self._filled_at

    def hold(self, seconds: float) -> None:
        self._held_until = max(self._held_until, self._clock() + seconds)

    def held(self) -> float:
        """Seconds that are left of what the partner asked for."""
        return max(0.0, self._held_until - self._clock())

    def wait(self) -> None:
        """Until the next request may go out."""
        now = self._clock()
        delay = self._held_until - now
        if self._rate:
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
            self._filled_at = now
            delay = max(delay, (1 - self._tokens) / self._rate)
            self._tokens -= 1  # below zero it is a debt, which the wait pays
        if delay > 0:
            self._sleep(delay)
