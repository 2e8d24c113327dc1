"""The web server as real processes, with slow clients, killed children and an unreachable database."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import requests
from django.conf import settings
from django.db import connection
from psycopg import sql

from chm_project.settings.version import VERSION
from chm_project.tests.api import api_with_scope, assert_error
from runs.api.reports import SLOT_LOCK_KEY
from tools.bench.servers import free_port
from tools.support.processes import empty_database, web_server

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with web_server(CHM_DATABASE_URL="postgresql:///none?host=/nowhere") as url:
        yield url


def connected(address: str) -> socket.socket:
    parts = urlsplit(address)
    return socket.create_connection((str(parts.hostname), parts.port or 0), timeout=30)


def read_response(client: socket.socket) -> tuple[int, dict[str, str], bytes]:
    received = b""
    while b"\r\n\r\n" not in received or len(received) < _length(received):
        if not (more := client.recv(65_536)):
            break
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]), headers, body


def _length(received: bytes) -> int:
    head, _, _ = received.partition(b"\r\n\r\n")
    for line in head.decode().split("\r\n"):
        if line.lower().startswith("content-length:"):
            return len(head) + 4 + int(line.partition(":")[2])
    return 0


@contextmanager
def slow_bodies(address: str, number: int) -> Iterator[None]:
    """Keep open connections that announce a long body and have sent one byte of it."""
    with ExitStack() as connections:
        for _ in range(number):
            client = connections.enter_context(connected(address))
            client.sendall(b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nx")
        yield


def slowest_of(address: str, path: str, seconds: float = 2) -> float:
    """Return the longest time of many requests; fail if one is not answered."""
    slowest, until = 0.0, time.monotonic() + seconds
    while time.monotonic() < until:
        begun = time.monotonic()
        assert requests.get(f"{address}{path}", timeout=5).status_code == 200
        slowest = max(slowest, time.monotonic() - begun)
    return slowest


def test_clients_with_slow_bodies_delay_no_other_client(address: str) -> None:
    with slow_bodies(address, 64):
        assert slowest_of(address, "/health") < 1


def test_a_body_that_stops_arriving_is_refused_after_the_grace_period(address: str) -> None:
    with connected(address) as client:
        begun = time.monotonic()
        client.sendall(b"POST /ping/x/fail HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nx")
        status, headers, body = read_response(client)
    assert (status, json.loads(body)["error"]["code"]) == (408, "request_timeout")
    assert "retry-after" in headers
    assert 10 < time.monotonic() - begun < 15


def test_a_chunked_body_is_read_whole(address: str) -> None:
    with connected(address) as client:
        client.sendall(
            b"POST /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        )
        assert read_response(client)[0] == 405
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_response(client)[0] == 200, "the body is not read as the next request"


def test_health_answers_to_any_host_name(address: str) -> None:
    answer = requests.get(f"{address}/health", headers={"Host": "10.1.2.3:8000"}, timeout=5)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": VERSION})


def test_a_killed_child_is_replaced_without_a_refused_connection(address: str) -> None:
    refused: list[Exception] = []
    stopped = threading.Event()

    def connect_repeatedly() -> None:
        while not stopped.is_set():
            try:
                connected(address).close()
            except OSError as error:
                refused.append(error)

    connecting = threading.Thread(target=connect_repeatedly)
    connecting.start()
    port = urlsplit(address).port
    parent = next(
        process
        for process in psutil.Process().children(recursive=True)
        if str(port) in process.cmdline() and process.children()
    )
    for _ in range(5):
        for child in parent.children():
            os.kill(child.pid, signal.SIGKILL)
        assert requests.get(f"{address}/health", timeout=5).status_code == 200
        time.sleep(0.3)
    stopped.set()
    connecting.join()
    assert not refused
    assert len(parent.children()) == 2


def test_without_a_database_every_entry_point_returns_503_at_once_with_retry_after(address: str) -> None:
    token = {"Authorization": "Bearer chm_12345678_" + "x" * 40}
    requests.get(f"{address}/api/v1/clients", headers=token, timeout=10)
    for path in ("/api/v1/clients", "/ping/chm_12345678_" + "x" * 40, "/admin/login/?next=/admin/"):
        cookies = {"sessionid": "x" * 32}
        begun = time.monotonic()
        answer = requests.get(f"{address}{path}", headers=token, cookies=cookies, timeout=10)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3"), path
        assert time.monotonic() - begun < 2.5
        if path.startswith("/api"):
            assert answer.json()["error"]["code"] == "unavailable"
        if path.startswith("/admin"):
            assert "CHM cannot answer at the moment" in answer.text
    assert requests.get(f"{address}/health", timeout=5).status_code == 200
    assert requests.get(f"{address}/ready", timeout=5).json() == {"status": "unavailable"}


def test_a_database_that_comes_back_is_used_within_two_seconds() -> None:
    with empty_database("chm_test_comes_back") as url, web_server(CHM_DATABASE_URL=url) as address:
        name = sql.Identifier("chm_test_comes_back")
        server_url = urlsplit(url)._replace(path="/postgres").geturl()
        with psycopg.connect(server_url, autocommit=True) as server:
            server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
            until = time.monotonic() + 4
            while time.monotonic() < until:
                assert requests.get(f"{address}/ready", timeout=4).status_code == 503
            server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
        begun = time.monotonic()
        token = {"Authorization": "Bearer chm_12345678_" + "x" * 40}
        # The database has no tables, so a look-up of a token fails with another status once the database is used.
        while requests.get(f"{address}/api/v1/clients", headers=token, timeout=4).status_code == 503:
            time.sleep(0.05)
        assert time.monotonic() - begun < 2


def test_reports_beyond_the_slots_of_the_installation_are_refused_and_other_requests_answered() -> None:
    api = api_with_scope("read")
    with psycopg.connect(**connection.get_connection_params()) as another_process:
        for number in range(settings.CHM_REPORTS_AT_ONCE):
            another_process.execute("SELECT pg_advisory_xact_lock(%s, %s)", [SLOT_LOCK_KEY, number + 1])
        refused = api.get("/api/v1/reports/client_throughput")
        assert_error(refused, 503, "unavailable")
        assert refused["Retry-After"]
        assert api.get("/api/v1/clients").status_code == 200
    assert api.get("/api/v1/reports/client_throughput").status_code == 200


def test_port_processes_and_threads_come_from_settings_and_their_files(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "port").write_text(f"{port}\n")
    changes = {"CHM_PORT_FILE": str(tmp_path / "port"), "CHM_WEB_WORKERS": "3"}
    environment = {name: value for name, value in os.environ.items() if name != "CHM_PORT"} | changes

    with subprocess.Popen([sys.executable, "-m", "chm_project.web_server"], env=environment) as process:
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until:
                with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                    assert requests.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200
                    if len(psutil.Process(process.pid).children()) == 3:
                        break
                time.sleep(0.1)
            assert len(psutil.Process(process.pid).children()) == 3
        finally:
            process.terminate()


def test_a_wrong_port_is_refused_in_one_line_without_a_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chm_project.web_server"],
        env={**os.environ, "CHM_PORT": "99999"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["CHM does not start:", "- CHM_PORT must be a whole number from 1 to 65535."]
