"""Test that no request is lost when the web server reloads or stops."""

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
def running_server(
    port: int, *, systemd_socket: socket.socket | None = None, **environment: str
) -> Iterator[psutil.Process]:
    """Run a web server with the settings for a proxy. If `systemd_socket` is set, pass it as systemd does."""
    command = [sys.executable, "-m", "chm_project.web_server", "--port", str(port)]
    passed_descriptors: tuple[int, ...] = ()
    if systemd_socket is not None:
        socket_script = 'exec 3<&"$0"; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
        command, passed_descriptors = (
            ["bash", "-c", socket_script, str(systemd_socket.fileno()), *command],
            (systemd_socket.fileno(),),
        )
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment = {"CHM_DEBUG": "0", "CHM_PROXIES": "127.0.0.1", "CHM_DATABASE_URL": NO_DATABASE, **environment}
    process = subprocess.Popen(
        command, cwd=settings.BASE_DIR, env={**inherited, **environment}, pass_fds=passed_descriptors
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(40)


@contextmanager
def open_connection_to(port: int) -> Iterator[http.client.HTTPConnection]:
    """Wait until the server listens, and yield an open connection to it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in attempts():
        try:
            connection.connect()
            break
        except ConnectionRefusedError:
            continue
    with closing(connection):
        yield connection


def request_health(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
    connection.request("GET", "/health")
    response = connection.getresponse()
    response.read()
    return response


def wait_for_children(parent: psutil.Process) -> set[psutil.Process]:
    for _ in attempts():
        if len(parent.children()) == 2:
            break
    return set(parent.children())


def attempts(seconds: float = 60) -> Iterator[None]:
    """Yield None every 20 ms. After `seconds`, fail the test."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.02)
    pytest.fail("this took too long")


def test_a_reload_replaces_all_children_and_loses_no_request() -> None:
    port = free_port()
    with running_server(port) as parent, open_connection_to(port) as open_connection:
        assert request_health(open_connection).status == 200
        former_children = wait_for_children(parent)
        parent.send_signal(signal.SIGHUP)
        for _ in attempts():
            assert request_health(open_connection).status == 200
            with open_connection_to(port) as new_connection:
                assert request_health(new_connection).status == 200
            if not former_children & set(parent.children()):
                break
        assert len(parent.children()) == 2


def test_a_reload_keeps_the_running_application_if_the_new_one_cannot_be_loaded(tmp_path: Path) -> None:
    port, url_file = free_port(), tmp_path / "url"
    url_file.write_text(NO_DATABASE)
    with (
        running_server(port, CHM_DATABASE_URL="", CHM_DATABASE_URL_FILE=str(url_file)) as parent,
        open_connection_to(port) as open_connection,
    ):
        former_children = wait_for_children(parent)
        url_file.write_text("mysql://elsewhere/chm")
        parent.send_signal(signal.SIGHUP)
        for _ in attempts():
            if set(parent.children()) - former_children:
                break
        for _ in attempts():
            if set(parent.children()) == former_children:
                break
        assert request_health(open_connection).status == 200
        assert set(parent.children()) == former_children


def test_a_stopping_server_answers_on_open_connections_and_refuses_new_ones() -> None:
    port = free_port()
    with (
        running_server(port) as parent,
        open_connection_to(port) as open_connection,
        open_connection_to(port) as idle_connection,
    ):
        assert request_health(open_connection).getheader("Connection") != "close"
        assert request_health(idle_connection).status == 200
        parent.terminate()
        for _ in attempts():
            try:
                socket.create_connection(("127.0.0.1", port), timeout=10).close()
            except ConnectionRefusedError:
                break
        response = request_health(open_connection)
        assert (response.status, response.getheader("Connection")) == (200, "close")
        assert not parent.wait(30)


def test_connections_wait_in_systemds_socket_until_the_next_server_runs() -> None:
    with socket.socket() as systemd_socket:
        systemd_socket.bind(("127.0.0.1", 0))
        systemd_socket.listen()
        port = systemd_socket.getsockname()[1]
        with running_server(port, systemd_socket=systemd_socket), open_connection_to(port) as first:
            assert request_health(first).status == 200
        with open_connection_to(port) as waiting_connection, running_server(port, systemd_socket=systemd_socket):
            assert request_health(waiting_connection).status == 200
