"""The faults around the web server, and the statuses that requests may get during each fault."""

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psutil
import psycopg
import requests

from tools.faults.scenarios import DISK_FULL_SQL
from tools.faults.web_probes import CONNECTION_BROKEN
from tools.faults.web_site import FaultSite, WebProcess

START_OF_SLOW_REQUEST = b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nx"
# The response has 500 kB and does not fit into the client's receive buffer. The client reads it only after the fault.
SLOW_READER_REQUEST = "GET /api/v1/schema HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
SLOW_READER_BUFFER_BYTES, REQUESTS_PER_SLOW_READER = 4_096, 2
# The roll-up has no counts for these 37 buckets of durations, so the report reads all runs.
SLOW_REPORT_PATH = "run_duration_distribution?max_duration_seconds=3599&bucket_count=37&since={since}"
YEAR_OF_HOURS = 365 * 24


@dataclass(frozen=True, slots=True)
class WebFault:
    """A fault around the web server.

    - `inject` injects the fault, and returns a remark for docs/validation/faults.md, or None.
    - Writes and health probes may get 200 and the allowed statuses.
    - `--quick` injects only the faults with `is_in_quick_run`, and for a shorter time.
    """

    title: str
    inject: Callable[[FaultSite, bool], str | None]
    allowed_write_statuses: tuple[int, ...] = ()
    allowed_health_statuses: tuple[int, ...] = ()
    is_in_quick_run: bool = False
    # What is probed. "web": a web server. "proxy": nginx before this web server. "both": nginx before two web servers.
    target: str = "proxy"
    max_write_seconds: float = 3
    max_health_p99_seconds: float = 0.1
    max_write_p95_seconds: float = 3
    prepare: Callable[[FaultSite], None] | None = None
    # The limit of the seconds from the end of the fault to the first write that is stored.
    max_recovery_seconds: float = 3


def slow_clients(client_count: int, *, without_proxy: bool) -> Callable[[FaultSite, bool], str | None]:
    """Return a fault with this number of slow senders and the same number of slow readers."""

    def inject(site: FaultSite, quick: bool) -> str:
        address = ("127.0.0.1", site.web.port if without_proxy else site.proxy_port)
        # A web process builds the schema at the first request for it. Request it now, before the measurement. With 16
        # requests, each of the two processes very probably gets one.
        for _ in range(16):
            requests.get(f"http://127.0.0.1:{site.web.port}/api/v1/schema", headers=site.read_headers, timeout=60)
        two_requests = SLOW_READER_REQUEST.format(token=site.read_token).encode() * REQUESTS_PER_SLOW_READER
        with ExitStack() as sockets:
            sender_sockets, reader_sockets = [], []
            for _ in range(client_count):
                sender_sockets.append(sender := sockets.enter_context(socket.create_connection(address, 5)))
                sender.sendall(START_OF_SLOW_REQUEST)
                reader_sockets.append(reader := sockets.enter_context(socket.socket()))
                reader.settimeout(5)
                # Set the size before the connection, because the kernel announces it to the server when it connects.
                reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_READER_BUFFER_BYTES)
                reader.connect(address)
                reader.sendall(two_requests)
            deadline = time.monotonic() + (6 if quick else 20)
            while time.monotonic() < deadline:
                for sender in sender_sockets:
                    with contextlib.suppress(OSError):
                        # With one byte per second the connection is slow, but not idle, so no idle timeout ends it.
                        sender.sendall(b"x")
                time.sleep(1)
            answered_count = sum(reader.recv(12) == b"HTTP/1.1 200" for reader in reader_sockets)
        if answered_count != client_count:
            raise AssertionError(f"{client_count - answered_count} of {client_count} slow readers were not answered")
        return f"{client_count} slow readers with responses of 500 kB"

    return inject


def stop_database(seconds: float) -> Callable[[FaultSite, bool], str | None]:
    """Return a fault that stops PostgreSQL for `seconds`; in the quick run for 5 s."""

    def inject(site: FaultSite, quick: bool) -> None:
        site.installation.bring_down("postgres", signal.SIGINT)
        time.sleep(5 if quick else seconds)
        site.installation.start_servers()

    return inject


def freeze_database(site: FaultSite, quick: bool) -> None:  # noqa: ARG001 - the signature of all faults
    postmaster = site.installation.server("postgres")
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        process.suspend()
    time.sleep(20)
    for process in processes:
        process.resume()


def stop_broker(site: FaultSite, quick: bool) -> None:
    site.installation.bring_down("redis", signal.SIGTERM)
    time.sleep(3 if quick else 20)
    site.installation.start_servers()


def lock_runs(site: FaultSite, quick: bool) -> None:
    with psycopg.connect(site.installation.database_url) as connection:
        connection.execute("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE")
        time.sleep(4 if quick else 20)


def fail_commits(site: FaultSite, quick: bool) -> None:
    site.installation.execute_sql(DISK_FULL_SQL)
    time.sleep(3 if quick else 10)
    site.installation.execute_sql("DROP TRIGGER disk_full ON runs")


def read_slow_reports(site: FaultSite, quick: bool) -> str:
    """Let 20 clients read a slow report. Some requests must get 200, all others 503 with Retry-After."""
    since = (datetime.now(UTC) - timedelta(days=365)).strftime("%Y-%m-%dT%H:%M:%SZ")
    report_url = f"http://127.0.0.1:{site.proxy_port}/api/v1/reports/{SLOW_REPORT_PATH.format(since=since)}"
    deadline = time.monotonic() + (4 if quick else 20)
    statuses: list[int] = []
    without_retry_after = []

    def read_reports() -> None:
        with requests.Session() as session:
            session.headers.update(site.read_headers)
            while time.monotonic() < deadline:
                response = session.get(report_url, timeout=60)
                statuses.append(response.status_code)
                if response.status_code == 503 and "Retry-After" not in response.headers:
                    without_retry_after.append(1)
                # Wait as long as the server requests.
                time.sleep(float(response.headers.get("Retry-After", 0)))

    threads = [threading.Thread(target=read_reports) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    count_by_status = {status: statuses.count(status) for status in sorted(set(statuses))}
    summary = ", ".join(f"{count} x {status}" for status, count in count_by_status.items())
    if set(count_by_status) != {200, 503} or without_retry_after:
        raise AssertionError(f"reports got other statuses than 200 and 503 with Retry-After: {summary}")
    return f"reports: {summary}"


def kill_children(site: FaultSite, quick: bool) -> str:
    parent, deadline, kill_count = psutil.Process(site.web.process.pid), time.monotonic() + (6 if quick else 120), 0
    while time.monotonic() < deadline:
        # Kill only one of the two children at a time, so that the other child serves.
        for child in parent.children()[:1]:
            child.kill()
            kill_count += 1
        time.sleep(0.5)
    return f"{kill_count} children killed"


def reload_web_server(site: FaultSite, quick: bool) -> str:
    repetitions = 1 if quick else 5
    for _ in range(repetitions):
        _reload_and_wait(site.web)
    return f"{repetitions} times"


def _reload_and_wait(web: WebProcess) -> None:
    """Reload the server, and wait until all old children have ended and the new ones run."""
    parent = psutil.Process(web.process.pid)
    old_children = set(parent.children())
    parent.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 180
    while old_children & set(parent.children()) or len(parent.children()) < len(old_children):
        if time.monotonic() > deadline:
            raise AssertionError("the web server did not replace its children")
        time.sleep(0.1)


def restart_web_server(site: FaultSite, quick: bool) -> None:  # noqa: ARG001
    site.web.stop()
    site.web.start()


def hold_socket(site: FaultSite) -> None:
    """Listen on the server's port in this process, and pass the socket to each new server, as systemd does."""
    site.web.stop()
    site.web.hold_socket()
    site.web.start()
    site.web.wait_until_ready()


def restart_web_server_several_times(site: FaultSite, quick: bool) -> str:
    repetitions = 1 if quick else 3
    for _ in range(repetitions):
        site.web.stop()
        site.web.start()
        site.web.wait_until_ready()
    return f"{repetitions} times"


def restart_web_servers_in_turn(site: FaultSite, quick: bool) -> str:
    repetitions = 1 if quick else 3
    for _ in range(repetitions):
        for web in (site.web, site.second_web):
            web.stop()
            web.start()
            web.wait_until_ready()
    return f"each server {repetitions} times"


WEB_FAULTS = (
    WebFault(
        "64 slow senders and 64 slow readers at nginx",
        slow_clients(64, without_proxy=False),
        is_in_quick_run=True,
        max_write_p95_seconds=0.5,
    ),
    WebFault(
        "16 slow senders, 16 slow readers at the web server",
        slow_clients(16, without_proxy=True),
        target="web",
        max_write_p95_seconds=0.5,
    ),
    WebFault("20 readers of a slow report", read_slow_reports, max_write_p95_seconds=0.5),
    WebFault("`runs` locked", lock_runs, allowed_write_statuses=(503,)),
    WebFault("database down for 20 s", stop_database(20), allowed_write_statuses=(503,)),
    # psycopg's pool doubles the pause after each failed attempt to connect. After 130 s it would wait for minutes.
    WebFault("database down for 130 s", stop_database(130), allowed_write_statuses=(503,), is_in_quick_run=True),
    # A frozen PostgreSQL cannot end a statement after the time limit of 10 s. CHM closes the connection 2 s later.
    WebFault("database frozen for 20 s", freeze_database, allowed_write_statuses=(503,), max_write_seconds=14),
    WebFault("broker down", stop_broker),
    WebFault("disk full: commits fail", fail_commits, allowed_write_statuses=(503,)),
    WebFault("web child killed (-9) every half second, through nginx", kill_children, is_in_quick_run=True),
    # Without a proxy, the requests of a killed child get no response. But no connection is refused.
    WebFault(
        "web child killed (-9), without nginx",
        kill_children,
        allowed_write_statuses=(CONNECTION_BROKEN,),
        allowed_health_statuses=(CONNECTION_BROKEN,),
        target="web",
    ),
    WebFault("web server reloaded (SIGHUP)", reload_web_server),
    WebFault("rolling restart of two web servers", restart_web_servers_in_turn, target="both"),
    # The application needs some seconds to load.
    WebFault(
        "web server restarted, nothing holds its socket", restart_web_server, (503,), (503,), max_recovery_seconds=10
    ),
    # Connections wait in the socket until the application has loaded. This fault must be the last one, because the test
    # then holds the socket until its end.
    WebFault(
        "web server restarted, systemd holds its socket",
        restart_web_server_several_times,
        prepare=hold_socket,
        max_write_seconds=20,
        max_health_p99_seconds=20,
        max_write_p95_seconds=20,
    ),
)
