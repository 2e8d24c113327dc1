"""One process of the web server: Waitress with deadlines for slow clients and for waiting requests."""

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

from chm_project.web_server.listening import BACKLOG

# Headers must be complete after this time.
HEADER_SECONDS = 15
# After this time, a client must send a body, and read a response, at the minimum rate.
GRACE_SECONDS = 10
MIN_BYTES_PER_SECOND = 1_000
BODY_SECONDS = 300
# A request gets 503 if no thread is free after this time. Without the limit, each later request would wait longer.
QUEUE_SECONDS = 2
RETRY_AFTER_SECONDS = 2
IDLE_SECONDS = 75
STOP_SECONDS = 20
# After a stop, kept connections still get their next request answered for this time. A proxy that closes idle
# connections sooner never sends a request on a closed connection.
LINGER_SECONDS = 5
# Probes need no database, so the event loop answers them even if all threads are busy.
PROBES = ("/health", "/health/")
# Reports use the database for seconds, so they get their own few threads and a short queue.
REPORTS = "/api/v1/reports/"
REPORT_THREADS = 2
REPORTS_WAITING = 4
# Unread responses wait on disk, so that no thread waits for the client.
UNREAD_BYTES = 256 * 1024 * 1024
# If a client sends further requests while this much is unread, its connection is closed after the next response.
UNREAD_BYTES_OF_PIPELINING_CLIENT = 1024 * 1024


class _Refusal(Error):  # type: ignore[misc]  # Waitress has no types
    """An error response in the format of the API."""

    error_code = ""

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        body = {"error": {"code": self.error_code, "message": self.body, "details": [], "request_id": ""}}
        headers = [("Content-Type", "application/json"), ("Retry-After", str(RETRY_AFTER_SECONDS))]
        return f"{self.code} {self.reason}", headers, json.dumps(body).encode()


class TooSlow(_Refusal):
    code = 408
    reason = "Request Timeout"
    error_code = "request_timeout"


class NoFreeThread(_Refusal):
    code = 503
    reason = "Service Unavailable"
    error_code = "unavailable"


class TimedRequest(HTTPRequestParser):  # type: ignore[misc]
    def __init__(self, adj: Adjustments) -> None:
        super().__init__(adj)
        self.began = time.monotonic()

    def is_too_slow(self, now: float) -> bool:
        age = now - self.began
        if not self.headers_finished:
            return age > HEADER_SECONDS
        return age > BODY_SECONDS or (age > GRACE_SECONDS and self.body_bytes_received < age * MIN_BYTES_PER_SECOND)


class Task(WSGITask):  # type: ignore[misc]
    def write(self, data: bytes) -> None:
        """Send the headers together with the first part of the body.

        If the process were killed between the two, a proxy could not repeat the request.
        """
        if self.wrote_header or not self.complete:
            super().write(data)
            return
        self.channel.buffered = []
        try:
            super().write(data)
        finally:
            parts, self.channel.buffered = self.channel.buffered, None
        self.channel.write_soon(b"".join(parts))


class DeadlineChannel(HTTPChannel):  # type: ignore[misc]
    """One connection, closed if its client is slow."""

    parser_class = TimedRequest
    task_class = Task
    # Parts of a response that are sent together; None if each part is sent at once.
    buffered: list[bytes] | None = None
    request: TimedRequest | None = None
    queued_at = 0.0
    answer_in_loop = False
    # Since when the response has waited for the client to read it, and how many bytes were sent since then.
    sending_since: float | None = None
    sent_since = 0

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent: int = super().send(data, do_close=do_close)
        self.sent_since += sent
        return sent

    def received(self, data: bytes) -> bool:
        result: bool = super().received(data)
        if self.answer_in_loop:
            # Outside super().received(), which holds a lock that service() needs.
            self.answer_in_loop = False
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
        if self.buffered is not None:
            self.buffered.append(data)
            return len(data)
        written: int = super().write_soon(data)
        return written

    def end_if_slow(self, now: float) -> None:
        """Close the connection of a slow client. Runs in the event loop."""
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
        elif (age := now - self.sending_since) > GRACE_SECONDS and self.sent_since < age * MIN_BYTES_PER_SECOND:
            self.will_close = True

    @property
    def is_busy(self) -> bool:
        return bool(self.requests or self.request is not None or self.total_outbufs_len)


@dataclass(frozen=True, slots=True)
class ThreadCounts:
    """Threads and maximum connections of one process; reports get some of the threads."""

    threads: int = 8
    connections: int = 2_000


def new_lane(threads: int) -> ThreadedTaskDispatcher:
    """Return a dispatcher with its own threads and its own queue."""
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(threads)
    return dispatcher


class WebServer(TcpWSGIServer):  # type: ignore[misc]
    channel_class = DeadlineChannel

    def __init__(self, application: Any, listening: Any, thread_counts: ThreadCounts) -> None:
        adjustments = Adjustments(
            sockets=[listening],
            backlog=BACKLOG,
            threads=thread_counts.threads,
            outbuf_high_watermark=UNREAD_BYTES,
            connection_limit=thread_counts.connections,
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=1,  # seconds between two calls of maintenance(), which looks for slow clients
            asyncore_use_poll=True,  # select() fails for file descriptors from 1,024 on
            clear_untrusted_proxy_headers=False,  # a middleware of CHM checks them
            ident="",  # sends no header "Server"
        )
        report_threads = min(REPORT_THREADS, thread_counts.threads - 1) or 1
        self.report_lane = new_lane(report_threads)
        # For responses that need no work: refusals, and probes that the event loop cannot answer.
        self.quick_lane = new_lane(1)
        self._stop_at: float | None = None
        self._linger_until = 0.0
        address = (listening.family, listening.type, listening.proto, listening.getsockname())
        super().__init__(
            application, {}, True, listening, dispatcher=new_lane(max(thread_counts.threads - report_threads, 1)),
            adj=adjustments, bind_socket=False, sockinfo=address,
        )  # fmt: skip

    def add_task(self, channel: DeadlineChannel) -> None:
        channel.queued_at = time.monotonic()
        request = channel.requests[0]
        path = getattr(request, "path", "")
        if path in PROBES:
            # A request with a cookie may need a session from the database, for which the loop must not wait.
            is_in_loop = threading.get_ident() == self._loop_thread
            if is_in_loop and not channel.total_outbufs_len and "COOKIE" not in request.headers:
                channel.answer_in_loop = True
            else:
                self.quick_lane.add_task(channel)
        elif path.startswith(REPORTS):
            if len(self.report_lane.queue) >= REPORTS_WAITING:
                request.error = NoFreeThread("Too many reports are being computed; try again in a moment.")
                self.quick_lane.add_task(channel)
            else:
                self.report_lane.add_task(channel)
        else:
            self.task_dispatcher.add_task(channel)

    def maintenance(self, now: float) -> None:
        super().maintenance(now)
        monotonic_now = time.monotonic()  # Waitress passes the time of the wall clock
        for channel in list(self.active_channels.values()):
            channel.end_if_slow(monotonic_now)

    @property
    def is_stopping(self) -> bool:
        return self._stop_at is not None

    def stop(self, *, linger: bool) -> None:
        """Accept no new connection; `run` ends when received requests are answered, or after STOP_SECONDS.

        With `linger`, kept connections may send one more request for LINGER_SECONDS.
        """
        if self._stop_at is None:
            now = time.monotonic()
            self._stop_at, self._linger_until = now + STOP_SECONDS, now + LINGER_SECONDS * linger
            self.pull_trigger()

    def run(self) -> None:
        self._loop_thread = threading.get_ident()
        while not self._is_done():
            wasyncore.loop(timeout=1, use_poll=True, map=self._map, count=1)
            if self.is_stopping and self.accepting:
                self._close_listening()
        for each in (self.task_dispatcher, self.report_lane, self.quick_lane):
            each.shutdown(timeout=1)
        for channel in list(self.active_channels.values()):
            channel.handle_close()
        self.close()

    def _close_listening(self) -> None:
        """Accept all connections in the socket's queue, then close it. Otherwise the kernel would reset them."""
        waiting = select.poll()
        waiting.register(self.socket, select.POLLIN)
        while waiting.poll(0):
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
