"""The base class of all simulated partners: a real HTTP server that records its requests and returns faults on demand.

The module is for tests, demonstrations and drills. It imports only the standard library.
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    def query_value(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)

    def query_values(self, name: str) -> list[str]:
        return [value for key, value in self.query if key == name]


@dataclass(slots=True)
class Answer:
    """A response. A `body` that is not bytes is encoded as JSON. The fields after `headers` simulate faults."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0  # seconds before the response
    closes_connection: bool = False  # close the connection without a response
    cut_after_bytes: int | None = None  # send only this many bytes of the body, then close the connection
    seconds_per_byte: float = 0  # send the body byte by byte, and wait this many seconds after each byte
    blank_bytes: int = 0  # instead of the body, send this many blanks (a multiple of 2**20)

    def encoded(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class PartnerServer:
    """A server that returns `answer(request)`, or the next of its `faults` if there is one.

    A fault is an Answer, or a function that receives the request and returns an Answer. If the fault, or the result of
    the function, is None, the request gets its usual response.
    """

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.faults: list[Answer | Callable[[Request], Answer | None] | None] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, request: Request) -> Answer:
        """Return the response; each partner overrides this."""
        raise NotImplementedError

    def answer_or_fault(self, request: Request) -> Answer:
        """Record the request, and return the next fault or the usual response."""
        with self._lock:
            self.requests.append(request)
            fault = self.faults.pop(0) if self.faults else None
        if callable(fault):
            fault = fault(request)
        return fault if fault is not None else self.answer(request)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: tests close connections on purpose."""


def _handler(partner: PartnerServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # otherwise TCP may delay the body until the headers are acknowledged

        def _serve(self) -> None:
            address = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            request = Request(
                self.command,
                address.path,
                parse_qsl(address.query, keep_blank_values=True),
                {key.lower(): value for key, value in self.headers.items()},
                self.rfile.read(length),
            )
            self._send(partner.answer_or_fault(request))

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the base class looks for these

        def _send(self, answer: Answer) -> None:
            time.sleep(answer.delay_seconds)
            if answer.closes_connection:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            content = answer.encoded()
            length = answer.blank_bytes or len(content)
            self.send_response(answer.status)
            for key, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(key, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(length))
            self.end_headers()
            for chunk in _chunks(answer, content):
                self.wfile.write(chunk)
            if answer.cut_after_bytes is not None:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    return Handler


def _chunks(answer: Answer, content: bytes) -> Iterator[bytes]:
    if answer.status == 204:
        return
    if answer.blank_bytes:
        block = b" " * 2**20
        for _ in range(answer.blank_bytes // len(block)):
            yield block
    elif answer.cut_after_bytes is not None:
        yield content[: answer.cut_after_bytes]
    elif answer.seconds_per_byte:
        for byte in content:
            yield bytes([byte])
            time.sleep(answer.seconds_per_byte)
    else:
        yield content
