"""Schedule connections at different moments of their period."""

import math
import zlib
from datetime import datetime, timedelta
from typing import Any

from celery.schedules import schedstate, schedule


class Phased(schedule):
    """A schedule that is due once per period, at a moment that depends on the connection's name.

    It follows the clock: a restart does not shift it, and missed periods are run once.
    """

    def __init__(self, seconds: float, name: str) -> None:
        super().__init__(timedelta(seconds=seconds))
        self.period = float(seconds)
        self.name = name
        self.phase = zlib.crc32(name.encode()) / 2**32 * self.period

    def is_due(self, last_run_at: datetime) -> schedstate:
        now = self.now().timestamp() - self.phase
        last = self.maybe_make_aware(last_run_at).timestamp() - self.phase
        remaining = self.period - now % self.period
        return schedstate(math.floor(now / self.period) > math.floor(last / self.period), remaining)

    def next_at(self, now: datetime) -> datetime:
        """Return the first moment after `now` at which it is due."""
        elapsed = (now.timestamp() - self.phase) % self.period
        return now + timedelta(seconds=self.period - elapsed)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Phased) and (self.period, self.name) == (other.period, other.name)

    def __hash__(self) -> int:
        return hash((self.period, self.name))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.period, self.name)
