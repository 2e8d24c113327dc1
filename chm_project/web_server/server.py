"""One process of the web server: Waitress with deadlines for slow clients and for requests that wait for a thread."""

import json
import select
import threading
import time
from dataclasses import dataclass
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher, WSGITask
from waitress.utilities import Error

from chm_project.web_server.fair_share import ConnectionCounts, FairShare
from chm_project.web_server.listening_socket import BACKLOG
from chm_project.web_server.request_threads import StaggeredThreads

# A client must have sent all headers within this time, and the whole body within BODY_SECONDS.
HEADER_SECONDS = 15
BODY_SECONDS = 300
# After the grace period, a client must have sent its body, and read its response, at the minimum rate on average.
GRACE_SECONDS = 10
MIN_BYTES_PER_SECOND = 1_000
# If no thread is free within this time, a request gets 503. Otherwise the queue would grow during an overload.
QUEUE_SECONDS = 2
RETRY_AFTER_SECONDS = 2
IDLE_SECONDS = 75
STOP_SECONDS = 20
# For this time, a stopping server still answers one request on each open connection. A proxy should close its idle
# connections earlier. Then it never sends a request on a connection that the server has closed.
LINGER_SECONDS = 5
# The event loop answers these probes itself, even if all threads are busy. They need no database.
PROBE_PATHS = ("/health", "/health/")
# A report can occupy its thread for seconds. So reports have separate threads and a short queue.
REPORT_PATH_PREFIX = "/api/v1/reports/"
REPORT_THREADS = 2
MAX_WAITING_REPORTS = 4
# Waitress buffers up to this many bytes of a response that the client has not read. So no thread waits for a client.
UNREAD_BYTES = 256 * 1024 * 1024
# A client can send another request before it has read the earlier responses. If more than this many bytes of earlier
# responses are unread, CHM answers the request, and then closes the connection.
UNREAD_BYTES_OF_PIPELINING_CLIENT = 1024 * 1024


class _ErrorResponse(Error):  # type: ignore[misc]  # Waitress has no types
    """An error response in the format of the API."""

    error_code = ""

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        body = {"error": {"code": self.error_code, "message": self.body, "details": [], "request_id": ""}}
        headers = [("Content-Type", "application/json"), ("Retry-After", str(RETRY_AFTER_SECONDS))]
        return f"{self.code} {self.reason}", headers, json.dumps(body).encode()


class TooSlow(_ErrorResponse):
    code = 408
    reason = "Request Timeout"
    error_code = "request_timeout"


class NoFreeThread(_ErrorResponse):
    code = 503
    reason = "Service Unavailable"
    error_code = "unavailable"


class TimedRequest(HTTPRequestParser):  # type: ignore[misc]
    """A request with the time at which it began."""

    def __init__(self, adj: Adjustments) -> None:
        super().__init__(adj)
        self.began_at = time.monotonic()

    def is_too_slow(self, now: float) -> bool:
        age_seconds = now - self.began_at
        if not self.headers_finished:
            return age_seconds > HEADER_SECONDS
        return age_seconds > BODY_SECONDS or (
            age_seconds > GRACE_SECONDS and self.body_bytes_received < age_seconds * MIN_BYTES_PER_SECOND
        )


class ResponseTask(WSGITask):  # type: ignore[misc]
    def write(self, data: bytes) -> None:
        """Send the headers together with the first part of the body.

        If a server ends after it has sent only the headers, a proxy cannot repeat the request at another server.
        """
        if self.wrote_header or not self.complete:
            super().write(data)
            return
        self.channel.buffered_parts = []
        try:
            super().write(data)
        finally:
            parts, self.channel.buffered_parts = self.channel.buffered_parts, None
        self.channel.write_soon(b"".join(parts))


class DeadlineChannel(HTTPChannel):  # type: ignore[misc]
    """A connection that is closed if its client is too slow."""

    parser_class = TimedRequest
    task_class = ResponseTask
    # The parts of a response that are sent together later, or None if each part is sent immediately.
    buffered_parts: list[bytes] | None = None
    request: TimedRequest | None = None
    queued_at = 0.0
    should_answer_in_loop = False
    # The time since which a response waits for the client to read it; None if no response waits. `sent_bytes` is the
    # number of bytes sent since this time.
    sending_since: float | None = None
    sent_bytes = 0

    def add_channel(self, map: Any = None) -> None:  # noqa: A002 - the name of Waitress
        super().add_channel(map)
        self.server.fair_share.set_count(len(self.server.active_channels))

    def del_channel(self, map: Any = None) -> None:  # noqa: A002 - the name of Waitress
        super().del_channel(map)
        self.server.fair_share.set_count(len(self.server.active_channels))

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent: int = super().send(data, do_close=do_close)
        self.sent_bytes += sent
        return sent

    def received(self, data: bytes) -> bool:
        result: bool = super().received(data)
        if self.should_answer_in_loop:
            # service() needs a lock that super().received() holds. So call it only after super().received().
            self.should_answer_in_loop = False
            self.service()
        return result

    def service(self) -> None:
        request = self.requests[0]
        if not request.error and time.monotonic() - self.queued_at > QUEUE_SECONDS:
            request.error = NoFreeThread("All threads of this server are busy; try again in a moment.")
        if self.server.is_stopping or self.total_outbufs_len > UNREAD_BYTES_OF_PIPELINING_CLIENT:
            request.headers["CONNECTION"] = "close"
        super().service()

    def write_soon(self, data: Any) -> int:
        if self.buffered_parts is not None:
            self.buffered_parts.append(data)
            return len(data)
        written: int = super().write_soon(data)
        return written

    def end_if_slow(self, now: float) -> None:
        """If the client is too slow, answer 408 or close the connection. The event loop calls this every second."""
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
            self.sending_since, self.sent_bytes = now, 0
        elif (age := now - self.sending_since) > GRACE_SECONDS and self.sent_bytes < age * MIN_BYTES_PER_SECOND:
            self.will_close = True

    @property
    def is_busy(self) -> bool:
        return bool(self.requests or self.request is not None or self.total_outbufs_len)


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many threads a process has, and how many connections it accepts.

    `threads` includes the threads for reports, but not the thread for requests that need little work.
    """

    threads: int = 8
    connections: int = 2_000


def start_threads(dispatcher: ThreadedTaskDispatcher, count: int) -> ThreadedTaskDispatcher:
    """Start this many threads, which work on the dispatcher's own queue of requests. Return the dispatcher."""
    dispatcher.set_thread_count(count)
    return dispatcher


class WebServer(TcpWSGIServer):  # type: ignore[misc]
    channel_class = DeadlineChannel

    def __init__(
        self, application: Any, listening: Any, capacity: Capacity, fair_share: FairShare | None = None
    ) -> None:
        adjustments = Adjustments(
            sockets=[listening],
            backlog=BACKLOG,
            threads=capacity.threads,
            outbuf_high_watermark=UNREAD_BYTES,
            connection_limit=capacity.connections,
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=1,  # seconds between two calls of maintenance(), which looks for slow clients
            asyncore_use_poll=True,  # the default, select(), fails for file descriptors from 1,024 on
            clear_untrusted_proxy_headers=False,  # ProxyMiddleware removes headers of untrusted proxies
            ident="",  # responses get no header "Server"
        )
        report_threads = min(REPORT_THREADS, capacity.threads - 1) or 1
        self.report_dispatcher = start_threads(ThreadedTaskDispatcher(), report_threads)
        # This thread answers requests that need little work: refusals, and probes that the event loop cannot answer.
        self.quick_dispatcher = start_threads(ThreadedTaskDispatcher(), 1)
        self.fair_share = fair_share or FairShare(ConnectionCounts(1), 0)
        self._stop_at: float | None = None
        self._linger_until = 0.0
        socket_info = (listening.family, listening.type, listening.proto, listening.getsockname())
        # These threads begin short requests one after the other.
        dispatcher = start_threads(StaggeredThreads(), max(capacity.threads - report_threads, 1))
        super().__init__(
            application, {}, True, listening, dispatcher=dispatcher, adj=adjustments, bind_socket=False,
            sockinfo=socket_info,
        )  # fmt: skip

    def add_task(self, channel: DeadlineChannel) -> None:
        channel.queued_at = time.monotonic()
        request = channel.requests[0]
        path = getattr(request, "path", "")
        if path in PROBE_PATHS:
            # For a request with a cookie, CHM may read the session from the database. The event loop must not wait for
            # the database.
            is_loop_thread = threading.get_ident() == self._loop_thread
            if is_loop_thread and not channel.total_outbufs_len and "COOKIE" not in request.headers:
                channel.should_answer_in_loop = True
            else:
                self.quick_dispatcher.add_task(channel)
        elif path.startswith(REPORT_PATH_PREFIX):
            if len(self.report_dispatcher.queue) >= MAX_WAITING_REPORTS:
                request.error = NoFreeThread("Too many reports are being computed; try again in a moment.")
                self.quick_dispatcher.add_task(channel)
            else:
                self.report_dispatcher.add_task(channel)
        else:
            self.task_dispatcher.add_task(channel)

    def readable(self) -> bool:
        """Return whether this process accepts new connections now, or leaves them to the other processes."""
        is_accepting: bool = super().readable()
        return is_accepting and not self.fair_share.seconds_to_wait

    def handle_accept(self) -> None:
        if self.is_stopping or self.fair_share.may_accept():
            super().handle_accept()

    def maintenance(self, now: float) -> None:
        super().maintenance(now)
        monotonic_now = time.monotonic()  # Waitress passes the time of the wall clock
        for channel in list(self.active_channels.values()):
            channel.end_if_slow(monotonic_now)

    @property
    def is_stopping(self) -> bool:
        return self._stop_at is not None

    def stop(self, *, linger: bool) -> None:
        """Stop accepting connections. `run` returns when all received requests are answered, or after STOP_SECONDS.

        With `linger`, the client of each open connection can send one more request within LINGER_SECONDS.
        """
        if self._stop_at is None:
            now = time.monotonic()
            self._stop_at, self._linger_until = now + STOP_SECONDS, now + LINGER_SECONDS * linger
            self.pull_trigger()

    def run(self) -> None:
        self._loop_thread = threading.get_ident()
        while not self._is_done():
            timeout = self.fair_share.seconds_to_wait or 1
            wasyncore.loop(timeout=timeout, use_poll=True, map=self._map, count=1)
            if self.is_stopping and self.accepting:
                self._close_listening()
        for dispatcher in (self.task_dispatcher, self.report_dispatcher, self.quick_dispatcher):
            dispatcher.shutdown(timeout=1)
        for channel in list(self.active_channels.values()):
            channel.handle_close()
        self.close()

    def _close_listening(self) -> None:
        """Accept all connections that wait in the socket's queue, and then close the socket.

        To close the socket first would reset these connections.
        """
        socket_poll = select.poll()
        socket_poll.register(self.socket, select.POLLIN)
        while socket_poll.poll(0):
            self.handle_accept()
        self.accepting = False
        wasyncore.dispatcher.close(self)

    def _is_done(self) -> bool:
        if self._stop_at is None:
            return False
        now = time.monotonic()
        if now > self._stop_at or not self.active_channels:
            return True
        return now > self._linger_until and not any(each.is_busy for each in self.active_channels.values())
