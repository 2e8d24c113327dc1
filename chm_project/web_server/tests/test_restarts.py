"""Restarts and stops of the web server lose no request."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
from django.conf import settings

NO_DATABASE = "postgresql:///none?host=/nowhere"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(port: int, *, systemd_socket: socket.socket | None = None, **environment: str) -> Iterator[psutil.Process]:
    """Run a web server that keeps connections open, as behind a proxy. Pass it `systemd_socket` as systemd does."""
    command = [sys.executable, "-m", "chm_project.web_server", "--port", str(port)]
    passed: tuple[int, ...] = ()
    if systemd_socket is not None:
        receive_socket = 'exec 3<&"$0"; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
        command, passed = (
            ["bash", "-c", receive_socket, str(systemd_socket.fileno()), *command],
            (systemd_socket.fileno(),),
        )
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment = {"CHM_DEBUG": "0", "CHM_PROXIES": "127.0.0.1", "CHM_DATABASE_URL": NO_DATABASE, **environment}
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env={**inherited, **environment}, pass_fds=passed)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(40)


@contextmanager
def connected(port: int) -> Iterator[http.client.HTTPConnection]:
    """Yield an open connection as soon as the server listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in repeat():
        try:
            connection.connect()
            break
        except ConnectionRefusedError:
            continue
    with closing(connection):
        yield connection


def health(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
    connection.request("GET", "/health")
    answer = connection.getresponse()
    answer.read()
    return answer


def started_children(parent: psutil.Process) -> set[psutil.Process]:
    for _ in repeat():
        if len(parent.children()) == 2:
            break
    return set(parent.children())


def repeat(seconds: float = 60) -> Iterator[None]:
    """Yield every 20 ms; fail the test if the caller has not left the loop in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.02)
    pytest.fail("this took too long")


def test_a_reload_replaces_all_processes_and_loses_no_request() -> None:
    port = free_port()
    with server(port) as parent, connected(port) as open_connection:
        assert health(open_connection).status == 200
        former = started_children(parent)
        parent.send_signal(signal.SIGHUP)
        for _ in repeat():
            assert health(open_connection).status == 200
            with connected(port) as new:
                assert health(new).status == 200
            if not former & set(parent.children()):
                break
        assert len(parent.children()) == 2


def test_an_application_that_fails_to_load_does_not_replace_the_running_one(tmp_path: Path) -> None:
    port, address = free_port(), tmp_path / "address"
    address.write_text(NO_DATABASE)
    with (
        server(port, CHM_DATABASE_URL="", CHM_DATABASE_URL_FILE=str(address)) as parent,
        connected(port) as open_connection,
    ):
        former = started_children(parent)
        address.write_text("mysql://elsewhere/chm")
        parent.send_signal(signal.SIGHUP)
        for _ in repeat():
            if set(parent.children()) - former:
                break
        for _ in repeat():
            if set(parent.children()) == former:
                break
        assert health(open_connection).status == 200
        assert set(parent.children()) == former


def test_a_stopping_server_answers_on_open_connections_and_refuses_new_ones() -> None:
    port = free_port()
    with server(port) as parent, connected(port) as open_connection, connected(port) as idle:
        assert health(open_connection).getheader("Connection") != "close"
        assert health(idle).status == 200
        parent.terminate()
        for _ in repeat():
            try:
                socket.create_connection(("127.0.0.1", port), timeout=10).close()
            except ConnectionRefusedError:
                break
        answer = health(open_connection)
        assert (answer.status, answer.getheader("Connection")) == (200, "close")
        assert not parent.wait(30)


def test_connections_wait_in_the_socket_of_systemd_until_the_next_server_has_started() -> None:
    with socket.socket() as systemd_socket:
        systemd_socket.bind(("127.0.0.1", 0))
        systemd_socket.listen()
        port = systemd_socket.getsockname()[1]
        with server(port, systemd_socket=systemd_socket), connected(port) as first:
            assert health(first).status == 200
        with connected(port) as between, server(port, systemd_socket=systemd_socket):
            assert health(between).status == 200
