"""One process of the web server: Waitress with deadlines for slow clients and for waiting requests."""

import json
import time
from dataclasses import dataclass
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import Error

# Headers must be complete after this time.
HEADER_SECONDS = 15
# A body, and the reading of an answer, may begin slowly; after this time it must have reached the least rate.
GRACE_SECONDS = 10
LEAST_BYTES_PER_SECOND = 1_000
BODY_SECONDS = 300
# A request that no thread was free for gets 503 after this time; later ones would only wait longer.
QUEUE_SECONDS = 2
RETRY_AFTER_SECONDS = 2
IDLE_SECONDS = 75
STOP_SECONDS = 20
# Probes have a thread of their own: they answer while all others wait for a database.
PROBES = ("/health", "/health/")


class _Refusal(Error):  # type: ignore[misc]  # Waitress has no types
    """In the form of the API's errors, which every client of CHM reads."""

    error_code = ""

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        body = {"error": {"code": self.error_code, "message": self.body, "details": [], "request_id": ""}}
        headers = [("Content-Type", "application/json"), ("Retry-After", str(RETRY_AFTER_SECONDS))]
        return f"{self.code} {self.reason}", headers, json.dumps(body).encode()


class TooSlow(_Refusal):
    code = 408
    reason = "Request Timeout"
    error_code = "request_timeout"


class Busy(_Refusal):
    code = 503
    reason = "Service Unavailable"
    error_code = "unavailable"


class Request(HTTPRequestParser):  # type: ignore[misc]
    def __init__(self, adj: Adjustments) -> None:
        super().__init__(adj)
        self.began = time.monotonic()

    def is_too_slow(self, now: float) -> bool:
        age = now - self.began
        if not self.headers_finished:
            return age > HEADER_SECONDS
        return age > BODY_SECONDS or (age > GRACE_SECONDS and self.body_bytes_received < age * LEAST_BYTES_PER_SECOND)


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection."""

    parser_class = Request
    request: Request | None = None
    queued_at = 0.0
    # When the answer that is being sent was first seen to wait for its reader, and how much was read since.
    sending_since: float | None = None
    sent_since = 0

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent: int = super().send(data, do_close=do_close)
        self.sent_since += sent
        return sent

    def service(self) -> None:
        request = self.requests[0]
        if not request.error and time.monotonic() - self.queued_at > QUEUE_SECONDS:
            request.error = Busy("Every thread of this server is at work; try again in a moment.")
        super().service()

    def end_if_slow(self, now: float) -> None:
        """Runs in the event loop, as all reading does."""
        self._end_slow_reader(now)
        with self.requests_lock:
            request = self.request
            if request is None or request.completed or not request.is_too_slow(now):
                return
            if self.requests or not request.headers_finished:
                self.will_close = True
                return
            request.error = TooSlow("The body arrives too slowly; send it again over a faster connection.")
            request.completed = True
            self.request = None
            self.requests.append(request)
            self.server.add_task(self)

    def _end_slow_reader(self, now: float) -> None:
        if not self.total_outbufs_len:
            self.sending_since = None
        elif self.sending_since is None:
            self.sending_since, self.sent_since = now, 0
        elif (age := now - self.sending_since) > GRACE_SECONDS and self.sent_since < age * LEAST_BYTES_PER_SECOND:
            self.will_close = True

    @property
    def is_busy(self) -> bool:
        return bool(self.requests or self.request is not None or self.total_outbufs_len)


@dataclass(frozen=True, slots=True)
class Size:
    threads: int = 8
    connections: int = 2_000


class Server(TcpWSGIServer):  # type: ignore[misc]
    channel_class = Channel

    def __init__(self, application: Any, listening: Any, size: Size) -> None:
        adjustments = Adjustments(
            sockets=[listening],
            threads=size.threads,
            connection_limit=size.connections,
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=1,
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=False,  # a middleware of ours judges them
            ident="",
        )
        self.probe_dispatcher = ThreadedTaskDispatcher()
        self.probe_dispatcher.set_thread_count(1)
        self._stop_at: float | None = None
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(size.threads)
        address = (listening.family, listening.type, listening.proto, listening.getsockname())
        super().__init__(
            application, {}, True, listening, dispatcher=dispatcher, adj=adjustments, bind_socket=False,
            sockinfo=address,
        )  # fmt: skip

    def add_task(self, channel: Channel) -> None:
        channel.queued_at = time.monotonic()
        is_probe = getattr(channel.requests[0], "path", "") in PROBES
        (self.probe_dispatcher if is_probe else self.task_dispatcher).add_task(channel)

    def maintenance(self, now: float) -> None:
        super().maintenance(now)
        moment = time.monotonic()
        for channel in list(self.active_channels.values()):
            channel.end_if_slow(moment)

    def stop(self) -> None:
        """No new connections; `run` ends when what was received is answered, or after STOP_SECONDS."""
        self._stop_at = time.monotonic() + STOP_SECONDS
        self.accepting = False
        self.pull_trigger()

    def run(self) -> None:
        while not self._is_done():
            wasyncore.loop(timeout=1, use_poll=True, map=self._map, count=1)
        self.task_dispatcher.shutdown(timeout=1)

    def _is_done(self) -> bool:
        if self._stop_at is None:
            return False
        return time.monotonic() > self._stop_at or not any(each.is_busy for each in self.active_channels.values())
