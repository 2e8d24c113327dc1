"""Remember in each process whether the database and its replica answer.

During an outage, one caller tries a new connection every PROBE_SECONDS; all other callers fail immediately.
"""

import logging
import threading
import time
from collections.abc import Callable

import psycopg

logger = logging.getLogger(__name__)

PROBE_SECONDS = 0.5


class Outage:
    """Whether one server is down, as seen by this process.

    `server` and `effect` are words for log messages: which server it is, and what CHM does during its outage.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        server: str = "database",
        effect: str = "requests are refused",
    ) -> None:
        self._clock = clock
        self._server = server
        self._effect = effect
        self._lock = threading.Lock()
        self._is_down = False
        self._probe_at = 0.0

    def record(self) -> None:
        """Remember that the server does not answer."""
        with self._lock:
            if not self._is_down:
                logger.error("the %s does not answer; %s until it does", self._server, self._effect)
            self._is_down, self._probe_at = True, self._clock() + PROBE_SECONDS

    def refuse_while_down(self, connect: Callable[[], None]) -> None:
        """During an outage, raise psycopg.OperationalError; otherwise do nothing.

        If the next probe is due, try a connection, and raise the error only if this fails.
        """
        if not self._is_down:
            return
        with self._lock:
            if self._is_down and self._clock() < self._probe_at:
                raise psycopg.OperationalError(f"the {self._server} does not answer")
            self._probe_at = self._clock() + PROBE_SECONDS
        self.probe(connect)

    def probe(self, connect: Callable[[], None]) -> None:
        """Try a connection and remember the result. Raise psycopg.OperationalError if it fails."""
        try:
            connect()
        except psycopg.OperationalError:
            self.record()
            raise
        if self._is_down:
            logger.warning("the %s answers again", self._server)
        self._is_down = False


outage = Outage()
