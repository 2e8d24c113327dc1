"""Test a real web server with slow clients, killed children and an unreachable database."""

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
import yaml
from django.conf import settings
from django.db import connection
from psycopg import sql

from chm_project.api.error_codes import BY_CODE
from chm_project.settings.version import VERSION
from chm_project.tests.api import api_with_scope, assert_error
from runs.api.reports import SLOT_LOCK_KEY
from tools.bench.servers import free_port
from tools.support.processes import empty_database, web_server

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with web_server(CHM_DATABASE_URL="postgresql:///none?host=/nowhere") as url:
        yield url


def connect(base_url: str) -> socket.socket:
    parts = urlsplit(base_url)
    return socket.create_connection((str(parts.hostname), parts.port or 0), timeout=30)


def read_response(client: socket.socket) -> tuple[int, dict[str, str], bytes]:
    received = b""
    while b"\r\n\r\n" not in received or len(received) < _expected_length(received):
        if not (chunk := client.recv(65_536)):
            break
        received += chunk
    header_text, _, body = received.partition(b"\r\n\r\n")
    first, *lines = header_text.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]), headers, body


def _expected_length(received: bytes) -> int:
    header_text, _, _ = received.partition(b"\r\n\r\n")
    for line in header_text.decode().split("\r\n"):
        if line.lower().startswith("content-length:"):
            return len(header_text) + 4 + int(line.partition(":")[2])
    return 0


@contextmanager
def clients_with_slow_bodies(base_url: str, connection_count: int) -> Iterator[None]:
    """During the block, keep connections open whose clients announce 100,000 bytes, but send only the first byte."""
    with ExitStack() as connections:
        for _ in range(connection_count):
            client = connections.enter_context(connect(base_url))
            client.sendall(b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nx")
        yield


def slowest_response(base_url: str, path: str, seconds: float = 2) -> float:
    """Send requests for `seconds`, which must get 200. Return the longest response time in seconds."""
    slowest, deadline = 0.0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        started_at = time.monotonic()
        assert requests.get(f"{base_url}{path}", timeout=5).status_code == 200
        slowest = max(slowest, time.monotonic() - started_at)
    return slowest


def test_clients_with_slow_bodies_do_not_delay_other_clients(base_url: str) -> None:
    with clients_with_slow_bodies(base_url, 64):
        assert slowest_response(base_url, "/health") < 1


def test_a_request_whose_body_stops_arriving_gets_408_after_the_grace_period(base_url: str) -> None:
    with connect(base_url) as client:
        started_at = time.monotonic()
        client.sendall(b"POST /ping/x/fail HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nx")
        status, headers, body = read_response(client)
    code = json.loads(body)["error"]["code"]
    assert (status, code) == (408, "request_timeout")
    assert BY_CODE[code].status == 408, "the list of error codes explains the code"
    assert "retry-after" in headers
    documented = yaml.safe_load((Path(settings.BASE_DIR) / "docs" / "contracts" / "openapi.yaml").read_text())
    for name in documented["components"]["responses"]["RequestTimeout"]["headers"]:
        assert name.lower() in headers
    assert 10 < time.monotonic() - started_at < 15


def test_a_chunked_body_is_read_completely(base_url: str) -> None:
    with connect(base_url) as client:
        client.sendall(
            b"POST /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        )
        assert read_response(client)[0] == 405
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read_response(client)[0] == 200, "the body of the first request is not read as the next request"


def test_health_is_answered_for_any_host_name(base_url: str) -> None:
    response = requests.get(f"{base_url}/health", headers={"Host": "10.1.2.3:8000"}, timeout=5)
    assert (response.status_code, response.json()) == (200, {"status": "ok", "version": VERSION})


HOSTILE_HEADER_VALUES = (
    b"", b"\xff\xfe", b"a" * 7000, b";", b"=", b'"', b",,,", b"-1", b"9" * 4400, b"Basic !!!", b"Bearer \xff", b"[::1",
    b'sessionid=\xff; csrftoken="', b"Thu, 99 Foo 9999 99:99:99 GMT", b"text/html;q=nan, */*;q=inf", b"http://[::1",
    b"localhost:99999999", b"en-\xff;q=0.5,zh;q=nan", b"gzip;q=2,*;q=-1", b"bytes=0-99999999999,-", b'W/"a", "b',
    b"text/plain; charset=hex", b"text/plain; charset=punycode", b"text/plain; title*=idna''" + b"%61" * 100,
)  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Content-Type", "Cookie", "Host", "If-Match",
        "If-Modified-Since", "If-None-Match", "Idempotency-Key", "Origin", "Range", "Referer", "Traceparent",
        "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-ID",
    ],
)  # fmt: skip
def test_no_value_of_a_header_causes_an_internal_error(base_url: str, name: str) -> None:
    host = b"" if name == "Host" else b"Host: localhost\r\n"
    for value in HOSTILE_HEADER_VALUES:
        with connect(base_url) as client:
            client.sendall(
                b"GET /api/v1/nothing?q=%41 HTTP/1.1\r\n" + host + name.encode() + b": " + value + b"\r\n\r\n"
            )
            status, _, _ = read_response(client)

        assert status in {400, 401, 404, 406}, value


def parent_process(base_url: str) -> psutil.Process:
    port = str(urlsplit(base_url).port)
    return next(
        process
        for process in psutil.Process().children(recursive=True)
        if port in process.cmdline() and process.children()
    )


def open_answered_connections(base_url: str, stack: ExitStack, count: int) -> None:
    """Open connections, and wait until each has got a response. `stack` keeps the connections open."""
    clients = [stack.enter_context(connect(base_url)) for _ in range(count)]
    for client in clients:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert {read_response(client)[0] for client in clients} == {200}


def count_open_connections(process: psutil.Process, base_url: str) -> int:
    port = urlsplit(base_url).port
    connections = process.net_connections("tcp")
    return sum(1 for each in connections if each.status == psutil.CONN_ESTABLISHED and each.laddr.port == port)


def test_processes_share_connections_evenly(base_url: str) -> None:
    children = parent_process(base_url).children()
    for _ in range(3):
        with ExitStack() as stack:
            open_answered_connections(base_url, stack, 8)
            assert min(count_open_connections(child, base_url) for child in children) >= 3
        while any(count_open_connections(child, base_url) for child in children):
            time.sleep(0.02)


def test_a_stuck_process_does_not_keep_the_others_from_accepting(base_url: str) -> None:
    with ExitStack() as stack:
        open_answered_connections(base_url, stack, 2)
        stuck, other = parent_process(base_url).children()
        stuck.suspend()
        stack.callback(stuck.resume)
        open_answered_connections(base_url, stack, 20)
        assert count_open_connections(other, base_url) == 21


def test_no_connection_is_refused_while_a_killed_child_is_replaced(base_url: str) -> None:
    errors: list[Exception] = []
    stopped = threading.Event()

    def connect_repeatedly() -> None:
        while not stopped.is_set():
            try:
                connect(base_url).close()
            except OSError as error:
                errors.append(error)

    connecting = threading.Thread(target=connect_repeatedly)
    connecting.start()
    parent = parent_process(base_url)
    try:
        for _ in range(5):
            for child in parent.children():
                os.kill(child.pid, signal.SIGKILL)
            assert requests.get(f"{base_url}/health", timeout=5).status_code == 200
            time.sleep(0.3)
    finally:
        stopped.set()
        connecting.join()
    assert not errors
    assert len(parent.children()) == 2


def test_api_pings_and_pages_return_503_with_retry_after_if_the_database_is_down(base_url: str) -> None:
    token = {"Authorization": "Bearer chm_12345678_" + "x" * 40}
    requests.get(f"{base_url}/api/v1/clients", headers=token, timeout=10)
    for path in ("/api/v1/clients", "/ping/chm_12345678_" + "x" * 40, "/admin/login/?next=/admin/"):
        cookies = {"sessionid": "x" * 32}
        started_at = time.monotonic()
        response = requests.get(f"{base_url}{path}", headers=token, cookies=cookies, timeout=10)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "3"), path
        assert time.monotonic() - started_at < 2.5
        if path.startswith("/api"):
            assert response.json()["error"]["code"] == "unavailable"
        if path.startswith("/admin"):
            assert "CHM cannot answer at the moment" in response.text
    assert requests.get(f"{base_url}/health", timeout=5).status_code == 200
    assert requests.get(f"{base_url}/ready", timeout=5).json() == {"status": "unavailable"}


def test_the_database_is_used_within_two_seconds_after_an_outage() -> None:
    with empty_database("chm_test_comes_back") as url, web_server(CHM_DATABASE_URL=url) as base_url:
        name = sql.Identifier("chm_test_comes_back")
        server_url = urlsplit(url)._replace(path="/postgres").geturl()
        with psycopg.connect(server_url, autocommit=True) as server:
            server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
            deadline = time.monotonic() + 4
            while time.monotonic() < deadline:
                assert requests.get(f"{base_url}/ready", timeout=4).status_code == 503
            server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
        started_at = time.monotonic()
        token = {"Authorization": "Bearer chm_12345678_" + "x" * 40}
        # The database has no tables. So as soon as CHM uses the database again, the look-up of the token fails with a
        # status other than 503.
        while requests.get(f"{base_url}/api/v1/clients", headers=token, timeout=4).status_code == 503:
            time.sleep(0.05)
        assert time.monotonic() - started_at < 2


def test_a_report_is_refused_if_all_report_slots_of_the_installation_stay_in_use() -> None:
    api = api_with_scope("read")
    with psycopg.connect(**connection.get_connection_params()) as another_process:
        for number in range(settings.CHM_REPORTS_AT_ONCE):
            another_process.execute("SELECT pg_advisory_xact_lock(%s, %s)", [SLOT_LOCK_KEY, number + 1])
        refused = api.get("/api/v1/reports/client_throughput")
        assert_error(refused, 503, "unavailable")
        assert refused["Retry-After"]
        assert api.get("/api/v1/clients").status_code == 200
    assert api.get("/api/v1/reports/client_throughput").status_code == 200


def test_a_report_waits_for_a_slot_that_is_soon_free() -> None:
    api = api_with_scope("read")
    with psycopg.connect(**connection.get_connection_params()) as another_process:
        for number in range(settings.CHM_REPORTS_AT_ONCE):
            another_process.execute("SELECT pg_advisory_xact_lock(%s, %s)", [SLOT_LOCK_KEY, number + 1])
        end_of_reports = threading.Timer(0.2, another_process.rollback)
        end_of_reports.start()
        assert api.get("/api/v1/reports/client_throughput").status_code == 200
        end_of_reports.join()


def test_the_port_and_the_number_of_processes_come_from_settings_and_their_files(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "port").write_text(f"{port}\n")
    changes = {"CHM_PORT_FILE": str(tmp_path / "port"), "CHM_WEB_WORKERS": "3"}
    environment = {name: value for name, value in os.environ.items() if name != "CHM_PORT"} | changes

    with subprocess.Popen([sys.executable, "-m", "chm_project.web_server"], env=environment) as process:
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                    assert requests.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200
                    if len(psutil.Process(process.pid).children()) == 3:
                        break
                time.sleep(0.1)
            assert len(psutil.Process(process.pid).children()) == 3
        finally:
            process.terminate()


def test_an_invalid_port_is_reported_without_a_traceback() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "chm_project.web_server"],
        env={**os.environ, "CHM_PORT": "99999"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 1
    assert process.stderr.splitlines() == ["CHM does not start:", "- CHM_PORT must be a whole number from 1 to 65535."]
