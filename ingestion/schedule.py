"""A schedule for Celery beat that spreads the walks of the connections over time."""

import math
import zlib
from datetime import datetime, timedelta
from typing import Any

from celery.schedules import schedstate, schedule


class Phased(schedule):
    """A Celery schedule that is due once per period, which is the interval of a connection.

    The connection's name decides when within the period the schedule is due (`phase`). Example: with a period of 60 s,
    one connection is always due 12 s after the full minute, and another one after 47 s. So a restart of beat does not
    change the times. After an outage the schedule is due once, and not once for each missed period.
    """

    # Do not rename this class: beat's schedule file holds pickled instances of it.

    def __init__(self, seconds: float, name: str) -> None:
        super().__init__(timedelta(seconds=seconds))
        self.period = float(seconds)
        self.name = name
        # Not hash(): Python salts it per process, and beat and the web server must compute the same time.
        self.phase = zlib.crc32(name.encode()) / 2**32 * self.period

    def is_due(self, last_run_at: datetime) -> schedstate:
        now = self.now().timestamp() - self.phase
        last = self.maybe_make_aware(last_run_at).timestamp() - self.phase
        remaining = self.period - now % self.period
        return schedstate(math.floor(now / self.period) > math.floor(last / self.period), remaining)

    def next_at(self, now: datetime) -> datetime:
        """Return the first time after `now` at which the schedule is due."""
        elapsed = (now.timestamp() - self.phase) % self.period
        return now + timedelta(seconds=self.period - elapsed)

    # The base class compares only the period. Beat compares schedules to notice that entries changed.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Phased) and (self.period, self.name) == (other.period, other.name)

    def __hash__(self) -> int:
        return hash((self.period, self.name))

    # The base class pickles the arguments of its own constructor, which this constructor does not accept.
    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.period, self.name)
