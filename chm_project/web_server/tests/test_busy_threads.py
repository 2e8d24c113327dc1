"""Test that a web process with busy threads still answers probes, and refuses reports that would wait too long."""

import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from chm_project.web_server import request_threads
from chm_project.web_server.server import MAX_WAITING_REPORTS, REPORT_THREADS, Capacity, WebServer

REPORT_PATH = "/api/v1/reports/failing_now"
LARGE_BODY = b"x" * 100_000


class Application:
    """A WSGI application that answers /health, /quick and /big immediately, and other paths when the test allows it."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.requested_paths: list[str] = []

    def __call__(self, environment: dict[str, Any], start: Any) -> list[bytes]:
        path = environment["PATH_INFO"]
        self.requested_paths.append(path)
        if path not in ("/health", "/quick", "/big"):
            self.may_answer.wait(30)
        start("200 OK", [])
        return [LARGE_BODY if path == "/big" else b"ok"]


@pytest.fixture
def application() -> Application:
    return Application()


class ServerClient:
    """A client that sends each request on a new connection."""

    server: WebServer

    def __init__(self, port: int) -> None:
        self.port = port
        self.connections: list[HTTPConnection] = []

    def send(self, path: str, headers: dict[str, str] | None = None) -> HTTPConnection:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        self.connections.append(connection)
        connection.request("GET", path, headers=headers or {})
        return connection

    def get(self, path: str, headers: dict[str, str] | None = None) -> HTTPResponse:
        response = self.send(path, headers).getresponse()
        response.read()
        return response


@pytest.fixture
def client(application: Application) -> Iterator[ServerClient]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        client = ServerClient(listening.getsockname()[1])
        listening.setblocking(False)
        client.server = server = WebServer(application, listening, Capacity(threads=4))
        running = threading.Thread(target=server.run)
        running.start()
        yield client
        application.may_answer.set()
        for connection in client.connections:
            connection.close()
        server.stop(linger=False)
        running.join(30)


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("headers", [{}, {"Cookie": "sessionid=x"}])
def test_health_is_answered_if_all_threads_are_busy(
    client: ServerClient, application: Application, headers: dict[str, str]
) -> None:
    pending_connections = [client.send(path) for path in ("/slow", "/slow", REPORT_PATH, REPORT_PATH)]
    wait_for(lambda: len(application.requested_paths) == 4)

    assert client.get("/health", headers).status == 200
    assert len(pending_connections) == 4


def test_reports_leave_threads_for_other_requests(client: ServerClient, application: Application) -> None:
    pending_connections = [client.send(REPORT_PATH) for _ in range(REPORT_THREADS)]
    wait_for(lambda: len(application.requested_paths) == REPORT_THREADS)
    pending_connections += [client.send(REPORT_PATH) for _ in range(MAX_WAITING_REPORTS)]
    wait_for(lambda: len(client.server.report_dispatcher.queue) == MAX_WAITING_REPORTS)

    assert client.get("/quick").status == 200
    refused_response = client.get(REPORT_PATH)
    assert (refused_response.status, refused_response.getheader("Retry-After")) == (503, "2")

    application.may_answer.set()
    statuses = [connection.getresponse().status for connection in pending_connections]
    assert statuses.count(200) >= REPORT_THREADS
    assert set(statuses) <= {200, 503}, "reports that waited for 2 s are refused"


def test_a_client_that_sends_requests_without_reading_responses_is_disconnected(
    client: ServerClient, application: Application
) -> None:
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        reader.connect(("127.0.0.1", client.port))
        reader.sendall(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
        time.sleep(1)
        request_count = len(application.requested_paths)
        assert 10 < request_count < 150
        assert client.get("/quick").status == 200


def test_short_requests_run_one_after_the_other(
    client: ServerClient, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_threads, "HEAD_START_SECONDS", 60)
    first = client.send("/first")
    wait_for(lambda: application.requested_paths == ["/first"])
    second = client.send("/second")
    wait_for(lambda: len(client.server.task_dispatcher.queue) == 1)

    assert application.requested_paths == ["/first"]
    application.may_answer.set()
    assert [connection.getresponse().status for connection in (first, second)] == [200, 200]


def test_a_request_begins_when_the_head_start_of_the_newest_is_over(
    client: ServerClient, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    head_start = 0.2
    monkeypatch.setattr(request_threads, "HEAD_START_SECONDS", head_start)
    started = time.monotonic()
    pending_connections = [client.send(path) for path in ("/slow", "/slow")]
    wait_for(lambda: len(application.requested_paths) == 2)

    assert time.monotonic() - started >= head_start
    assert len(pending_connections) == 2


def test_a_waiting_request_begins_when_a_thread_is_free(client: ServerClient, application: Application) -> None:
    pending_connections = [client.send("/slow") for _ in range(5)]
    wait_for(lambda: len(application.requested_paths) == 2)
    wait_for(lambda: len(client.server.task_dispatcher.queue) == 3)

    application.may_answer.set()
    assert [connection.getresponse().status for connection in pending_connections] == [200] * 5
