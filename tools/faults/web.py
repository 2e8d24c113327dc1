"""Faults of the web server's surroundings, with probes of health and of writes while they last.

A web server of two processes, nginx before it, PostgreSQL and Valkey, all real. Meanwhile /health is asked and pings
are sent, each with an id of its own; afterwards every ping that was answered with 200 must be a row.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
import requests

from tools.bench.servers import ROOT, create_database, fill_inventory, free_port, manage
from tools.faults.scenarios import DISK_FULL
from tools.faults.world import World

SLOW_BODY = b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nx"
SLOW_READER = b"GET /api/v1/openapi HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50


@dataclass(slots=True)
class Probe:
    """What one kind of request met: seconds and status of each; 0 stands for a connection that failed."""

    seconds: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    unannounced: int = 0

    def add(self, seconds: float, status: int, retry_after: str | None) -> None:
        self.seconds.append(seconds)
        self.statuses.append(status)
        self.unannounced += status == 503 and retry_after is None

    def count(self, *statuses: int) -> int:
        return sum(status in statuses for status in self.statuses)

    def part(self, share: float) -> float:
        return sorted(self.seconds)[int(share * (len(self.seconds) - 1))] if self.seconds else 0


@dataclass(slots=True)
class Result:
    title: str
    health: Probe
    writes: Probe
    lost: int
    recovery: float
    seconds: float
    problems: list[str]

    @property
    def survived(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True)
class WebFault:
    """`strike` lasts as long as the fault; what `allowed` lists may happen to writes meanwhile, 200 always."""

    title: str
    strike: Callable[["Site", bool], None]
    allowed: tuple[int, ...] = ()
    quick: bool = False
    direct: bool = False
    slowest: float = 3
    write_p95: float = 3
    health_p99: float = 0.1
    # The share of probes that may fail, and the seconds after which a write must be stored again.
    failing: float = 0
    recovery: float = 3


class Site:
    """Database, web server and proxy; `address` is the proxy's."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self.world = world
        world.database_url = create_database(world._server_url, "chm_web_faults")
        self.environment = {**world.environment, "CHM_PROXIES": "127.0.0.1", "CHM_THROTTLE_TOKEN": "1000000/minute"}
        manage("migrate", "--verbosity", "0", **self.environment)
        [self.pipeline] = fill_inventory(world.database_url, ["pipeline"])
        self.key = self._token("--scope", "ingest", "--pipeline", str(self.pipeline))
        self.reader = self._token("--scope", "read")
        self.port, self.proxy_port = free_port(), free_port()
        self.web = self.start_web()
        stack.callback(lambda: self.stop(self.web))
        stack.callback(self.stop, self._start_nginx())
        self.wait()

    def _token(self, *arguments: str) -> str:
        printed = manage("create_api_token", "drill", *arguments, **self.environment)
        found = re.search(r"chm_\w{8}_\w{40}", printed)
        assert found is not None
        return found[0]

    def start_web(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "chm_project.web_server", "--port", str(self.port)]
        with self.world.log.open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **self.environment}, stdout=log, stderr=log)

    def _start_nginx(self) -> "subprocess.Popen[bytes]":
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise SystemExit("nginx is not installed: apt-get install nginx-light")
        text = (ROOT / "docker" / "nginx" / "nginx.conf").read_text()
        text = text.replace("web:8000", f"127.0.0.1:{self.port}").replace("8080", f"127.0.0.1:{self.proxy_port}")
        text = text.replace("/tmp/nginx", f"{self.world.folder}/nginx")  # noqa: S108
        configuration = self.world.folder / "nginx.conf"
        configuration.write_text("daemon off;\n" + text)
        with self.world.log.open("ab") as log:
            return subprocess.Popen([program, "-c", str(configuration)], stdout=log, stderr=log)

    @staticmethod
    def stop(process: "subprocess.Popen[bytes]") -> None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)

    def address(self, *, direct: bool) -> str:
        return f"http://127.0.0.1:{self.port if direct else self.proxy_port}"

    def wait(self) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(requests.RequestException):
                if requests.get(self.address(direct=False) + "/ready", timeout=5).status_code == 200:
                    return
            time.sleep(0.1)
        raise SystemExit("the web server is not ready")

    def stored(self) -> set[str]:
        with psycopg.connect(self.world.database_url) as connection:
            return {row[0] for row in connection.execute("SELECT external_run_id FROM runs").fetchall()}


@contextmanager
def probing(site: Site, *, direct: bool) -> Iterator[tuple[Probe, Probe, set[str], list[float]]]:
    health, writes, acknowledged, successes = Probe(), Probe(), set[str](), list[float]()
    stopped, address = threading.Event(), site.address(direct=direct)

    def ask(probe: Probe, session: requests.Session, path: str) -> int:
        begun = time.monotonic()
        try:
            answer = session.get(f"{address}{path}", timeout=30)
            probe.add(time.monotonic() - begun, answer.status_code, answer.headers.get("Retry-After"))
        except requests.RequestException:
            probe.add(time.monotonic() - begun, 0, None)
        return probe.statuses[-1]

    def ask_health() -> None:
        with requests.Session() as session:
            while not stopped.wait(0.02):
                ask(health, session, "/health")

    def write() -> None:
        with requests.Session() as session:
            while not stopped.wait(0.05):
                rid = str(uuid.uuid4())
                if ask(writes, session, f"/ping/{site.key}?rid={rid}") == 200:
                    acknowledged.add(rid)
                    successes.append(time.monotonic())

    threads = [threading.Thread(target=target) for target in (ask_health, write, write)]
    for thread in threads:
        thread.start()
    try:
        yield health, writes, acknowledged, successes
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def tried(site: Site, fault: WebFault, *, quick: bool) -> Result:
    begun = time.monotonic()
    with probing(site, direct=fault.direct) as (health, writes, acknowledged, successes):
        time.sleep(1)
        fault.strike(site, quick)
        ended = time.monotonic()
        while time.monotonic() < ended + 15 and not any(moment > ended for moment in list(successes)):
            time.sleep(0.05)
        time.sleep(1)
    recovery = min((moment - ended for moment in successes if moment > ended), default=99)
    lost = len(acknowledged - site.stored())
    problems = []
    if len(health.statuses) - health.count(200) > fault.failing * len(health.statuses):
        problems.append(f"{len(health.statuses) - health.count(200)} health probes failed")
    # A short run is one of many things on its machine, and has few probes: its part is to find what is broken.
    if health.part(0.99) > fault.health_p99 * (5 if quick else 1):
        problems.append(f"health p99 {health.part(0.99) * 1000:.0f} ms")
    if unexpected := len(writes.statuses) - writes.count(200, *fault.allowed):
        problems.append(f"{unexpected} writes ended otherwise: {sorted(set(writes.statuses))}")
    if writes.unannounced:
        problems.append(f"{writes.unannounced} refusals without Retry-After")
    if writes.seconds and max(writes.seconds) > fault.slowest:
        problems.append(f"a write took {max(writes.seconds):.1f} s")
    if writes.part(0.95) > fault.write_p95 * (5 if quick else 1):
        problems.append(f"write p95 {writes.part(0.95) * 1000:.0f} ms")
    if lost or recovery > fault.recovery:
        problems.append(f"lost {lost}, recovered after {recovery:.1f} s")
    return Result(fault.title, health, writes, lost, recovery, time.monotonic() - begun, problems)


# The faults


def slow_clients(number: int, *, direct: bool) -> Callable[[Site, bool], None]:
    def strike(site: Site, quick: bool) -> None:
        port = site.port if direct else site.proxy_port
        with ExitStack() as held:
            clients = []
            for said in (SLOW_BODY, SLOW_READER):
                for _ in range(number):
                    client = held.enter_context(socket.create_connection(("127.0.0.1", port), 5))
                    client.sendall(said)
                    if said == SLOW_BODY:
                        clients.append(client)
            until = time.monotonic() + (6 if quick else 20)
            while time.monotonic() < until:
                for client in clients:
                    with contextlib.suppress(OSError):
                        client.sendall(b"x")
                time.sleep(1)

    return strike


def database_down(seconds: float) -> Callable[[Site, bool], None]:
    def strike(site: Site, quick: bool) -> None:
        site.world.bring_down("postgres", signal.SIGINT)
        time.sleep(5 if quick else seconds)
        site.world.start_servers()

    return strike


def database_frozen(site: Site, quick: bool) -> None:  # noqa: ARG001 - as all faults
    postmaster = site.world.server("postgres")
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        process.suspend()
    time.sleep(20)
    for process in processes:
        process.resume()


def broker_down(site: Site, quick: bool) -> None:
    site.world.bring_down("redis", signal.SIGTERM)
    time.sleep(3 if quick else 20)
    site.world.start_servers()


def runs_locked(site: Site, quick: bool) -> None:
    with psycopg.connect(site.world.database_url) as connection:
        connection.execute("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE")
        time.sleep(4 if quick else 20)


def disk_full(site: Site, quick: bool) -> None:
    site.world.sql(DISK_FULL)
    time.sleep(3 if quick else 10)
    site.world.sql("DROP TRIGGER disk_full ON runs")


def many_reports(site: Site, quick: bool) -> None:
    address = site.address(direct=False) + "/api/v1/reports/client_throughput?days=365"
    until = time.monotonic() + (4 if quick else 15)

    def read() -> None:
        while time.monotonic() < until:
            answer = requests.get(address, headers={"Authorization": f"Bearer {site.reader}"}, timeout=60)
            time.sleep(float(answer.headers.get("Retry-After", 0)))

    threads = [threading.Thread(target=read) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def children_killed(site: Site, quick: bool) -> None:
    parent, until = psutil.Process(site.web.pid), time.monotonic() + (6 if quick else 120)
    while time.monotonic() < until:
        for child in parent.children()[:1]:
            child.kill()
        time.sleep(0.5)


def restarted(site: Site, quick: bool) -> None:  # noqa: ARG001
    site.stop(site.web)
    site.web = site.start_web()


WEB_FAULTS = (
    WebFault("64 slow bodies and 64 slow readers at nginx", slow_clients(64, direct=False), quick=True, write_p95=0.5),
    WebFault("16 of each straight at the web server", slow_clients(16, direct=True), direct=True, write_p95=0.5),
    WebFault("20 readers of the widest report", many_reports, write_p95=0.5),
    WebFault("`runs` locked", runs_locked, allowed=(503,), quick=True),
    WebFault("database down for 20 s", database_down(20), allowed=(503,)),
    WebFault("database down for 130 s", database_down(130), allowed=(503,), quick=True),
    WebFault("database frozen for 20 s", database_frozen, allowed=(503,), slowest=14),
    WebFault("broker down", broker_down, quick=True),
    WebFault("disk full: commits fail", disk_full, allowed=(503,), quick=True),
    # What a killed child was answering is lost with it. No connection is refused, and no acknowledged write is lost.
    WebFault(
        "web child killed (-9) every half second",
        children_killed,
        allowed=(503, 0),
        quick=True,
        failing=0.03,
        health_p99=0.3,
    ),
    # From the end of the old server to the start of the new one nothing listens: nginx answers 503 with Retry-After.
    WebFault(
        "web server restarted under load",
        restarted,
        allowed=(503, 0),
        slowest=10,
        health_p99=10,
        failing=1,
        recovery=15,
    ),
)


def run(folder: Path, *, quick: bool, only: str, show: Callable[[Result], None]) -> list[Result]:
    chosen = [fault for fault in WEB_FAULTS if only in fault.title and (fault.quick or not quick)]
    if not chosen:
        return []
    folder.mkdir()
    world, results = World(folder), []
    with ExitStack() as stack:
        stack.callback(world.release)
        world.start_servers()
        site = Site(world, stack)
        for fault in chosen:
            results.append(result := tried(site, fault, quick=quick))
            show(result)
    return results


def line(result: Result) -> str:
    health, writes = result.health, result.writes
    return (
        f"{'ok  ' if result.survived else 'FAIL'} {result.title:<45} health {health.count(200)}/{len(health.statuses)} "
        f"p99 {health.part(0.99) * 1000:.0f} ms  writes {writes.count(200)} refused {writes.count(503)} "
        f"p95 {writes.part(0.95) * 1000:.0f} ms slowest {max(writes.seconds, default=0):.1f} s  lost {result.lost}  "
        f"back after {result.recovery:.1f} s  {'; '.join(result.problems)}"
    )


def table(results: list[Result]) -> str:
    rows = "\n".join(
        f"| {result.title} | {'yes' if result.survived else 'no'} | {len(result.health.statuses)} | "
        f"{len(result.health.statuses) - result.health.count(200)} | {result.health.part(0.99) * 1000:.0f} | "
        f"{result.writes.count(200)} | {result.writes.count(503)} | {result.writes.part(0.95) * 1000:.0f} | "
        f"{max(result.writes.seconds, default=0):.1f} | {result.lost} | {result.recovery:.1f} | "
        f"{'; '.join(result.problems)} |"
        for result in results
    )
    return f"""## Web server and API

{(__doc__ or "").partition(chr(10))[2].strip()}

*Probes* are requests of /health. *Refused* are writes answered with 503 and Retry-After. *Back after* is the time from
the end of the fault to the first write that is stored.

| fault | survived | probes | failed | p99 ms | writes | refused | p95 ms | slowest s | lost | back after s | problems |
|---|---|---|---|---|---|---|---|---|---|---|---|
{rows}
"""
