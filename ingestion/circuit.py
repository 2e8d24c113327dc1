"""Circuit breaker per connection, shared by all workers through the cache."""

import time
from dataclasses import dataclass

from chm_project.db import best_effort_cache

# Scheduled walks are paused after more than this many ingestions in a row without a response.
FAILURES_WITHOUT_PAUSE = 2
# A pause lasts at most 15 minutes, and at most 16 intervals of the connection. docs/connectors.md states both limits.
MAX_PAUSE_SECONDS = 15 * 60
MAX_PAUSE_INTERVALS = 16
STATE_KEPT_SECONDS = 86_400  # far longer than any pause


@dataclass(slots=True)
class CircuitBreaker:
    """The circuit breaker of a connection. While it is open, scheduled walks wait.

    Each further failure doubles the time for which the circuit is open. Example: with an interval of 60 s, the third
    failure in a row opens it for 2 minutes and the fourth for 4 minutes. The first ingestion after that time is a
    trial (half-open). If the partner responds, the circuit is closed, else it is opened again.
    """

    connection: str
    interval_seconds: float

    def pause_seconds(self) -> float:
        """Return how many seconds scheduled walks must still wait.

        They wait while the circuit is open, and during a pause that the partner asked for.
        """
        state = self._state()
        # time.time() and not monotonic(): the state is shared by processes and machines.
        return max(0.0, state["open_until"] - time.time(), state["held_until"] - time.time())

    def partner_pause_seconds(self) -> float:
        """Return the remaining seconds of a pause that the partner asked for. All requests wait until its end."""
        return max(0.0, self._state()["held_until"] - time.time())

    @property
    def is_half_open(self) -> bool:
        """Return whether the next ingestion is a trial. A trial ends after its first walk without a response."""
        return self._state()["failures"] > FAILURES_WITHOUT_PAUSE

    def set_partner_pause(self, seconds: float) -> None:
        """Store a pause that the partner asked for. If an earlier pause ends later, it stays."""
        state = self._state()
        state["held_until"] = max(state["held_until"], time.time() + seconds)
        self._store(state)

    def record_outage(self) -> None:
        """Count an ingestion in which the partner did not respond, and open the circuit after several in a row."""
        state = self._state()
        state["failures"] += 1
        doublings = state["failures"] - FAILURES_WITHOUT_PAUSE
        if doublings > 0:
            longest_pause = min(MAX_PAUSE_SECONDS, self.interval_seconds * MAX_PAUSE_INTERVALS)
            # The exponent is limited, because 2.0 ** 1024 raises OverflowError.
            state["open_until"] = time.time() + min(self.interval_seconds * 2.0 ** min(doublings, 30), longest_pause)
        self._store(state)

    def record_response(self) -> None:
        """Close the circuit, because the partner responded."""
        state = self._state()
        if state["failures"]:
            self._store(state | {"failures": 0, "open_until": 0.0})

    @property
    def _key(self) -> str:
        return f"circuit:{self.connection}"

    def _state(self) -> dict[str, float]:
        stored = best_effort_cache.read(self._key)
        # held_until is the end of a pause that the partner asked for. Do not rename the keys: the cache contains them.
        return {"failures": 0, "open_until": 0.0, "held_until": 0.0} | (stored if isinstance(stored, dict) else {})

    def _store(self, state: dict[str, float]) -> None:
        best_effort_cache.write(self._key, state, STATE_KEPT_SECONDS)
