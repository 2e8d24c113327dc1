"""Circuit breaker per connection, shared by all workers through the cache."""

import time
from dataclasses import dataclass

from chm_project.db import best_effort_cache

# This many ticks in a row may fail before walks are paused.
PATIENT_FAILURES = 2
MAX_PAUSE_SECONDS = 15 * 60
MAX_PAUSE_INTERVALS = 16
KEPT_SECONDS = 86_400


@dataclass(slots=True)
class Circuit:
    """The circuit breaker of a connection. While it is open, scheduled walks wait.

    After each failure it stays open twice as long. The walk after that is a trial (half-open): it closes the circuit,
    or opens it again.
    """

    connection: str
    interval_seconds: float

    def pause(self) -> float:
        """Return the seconds for which scheduled walks wait: the circuit is open, or the partner asked for a pause."""
        state = self._state()
        return max(0.0, state["open_until"] - time.time(), state["held_until"] - time.time())

    def held(self) -> float:
        """Return the seconds for which the partner itself asked for a pause: every request waits."""
        return max(0.0, self._state()["held_until"] - time.time())

    @property
    def half_open(self) -> bool:
        return self._state()["failures"] > PATIENT_FAILURES

    def hold(self, seconds: float) -> None:
        state = self._state()
        state["held_until"] = max(state["held_until"], time.time() + seconds)
        self._keep(state)

    def down(self) -> None:
        """Count an ingestion without any response of the partner."""
        state = self._state()
        state["failures"] += 1
        doublings = state["failures"] - PATIENT_FAILURES
        if doublings > 0:
            most = min(MAX_PAUSE_SECONDS, self.interval_seconds * MAX_PAUSE_INTERVALS)
            state["open_until"] = time.time() + min(self.interval_seconds * 2.0 ** min(doublings, 30), most)
        self._keep(state)

    def up(self) -> None:
        state = self._state()
        if state["failures"]:
            self._keep(state | {"failures": 0, "open_until": 0.0})

    @property
    def _key(self) -> str:
        return f"circuit:{self.connection}"

    def _state(self) -> dict[str, float]:
        found = best_effort_cache.read(self._key)
        return {"failures": 0, "open_until": 0.0, "held_until": 0.0} | (found if isinstance(found, dict) else {})

    def _keep(self, state: dict[str, float]) -> None:
        best_effort_cache.write(self._key, state, KEPT_SECONDS)
