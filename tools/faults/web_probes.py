"""Requests that probe a web server. A separate process sends them, so that the fault does not slow them down."""

import http.client
import multiprocessing
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

# Statuses of requests without a response.
REFUSED, BROKEN = 0, -1


@dataclass(slots=True)
class Probe:
    """The seconds and the status of each request of one kind."""

    seconds: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    without_retry_after: int = 0

    def add(self, seconds: float, status: int, retry_after: str | None) -> None:
        self.seconds.append(seconds)
        self.statuses.append(status)
        self.without_retry_after += status == 503 and retry_after is None

    def count(self, *statuses: int) -> int:
        return sum(status in statuses for status in self.statuses)

    def percentile(self, share: float) -> float:
        return sorted(self.seconds)[int(share * (len(self.seconds) - 1))] if self.seconds else 0


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """The web server to probe. `control` is the port of an unused web server; `keep_alive` keeps connections open."""

    port: int
    control: int
    key: str
    keep_alive: bool


@dataclass(slots=True)
class ProbeResults:
    """The results of all probes."""

    health: Probe = field(default_factory=Probe)
    control: Probe = field(default_factory=Probe)
    writes: Probe = field(default_factory=Probe)
    # For each ping that got 200, by its id: the time of the answer on the monotonic clock.
    acknowledged: dict[str, float] = field(default_factory=dict)


@contextmanager
def probing(target: ProbeTarget) -> Iterator[ProbeResults]:
    """Probe the target during the block; the yielded results are complete after it."""
    results = ProbeResults()
    # A forked process would share this one's sockets and locks.
    context = multiprocessing.get_context("spawn")
    parent_end, child_end = context.Pipe()
    process = context.Process(target=_probe, args=(target, child_end), daemon=True)
    process.start()
    parent_end.recv()
    try:
        yield results
    finally:
        parent_end.send("stop")
        done: ProbeResults = parent_end.recv()
        process.join()
        results.health, results.control, results.writes = done.health, done.control, done.writes
        results.acknowledged = done.acknowledged


def ping(port: int, key: str) -> bool:
    return _Client(port, keep_alive=False).ask(Probe(), f"/ping/{key}?rid={uuid.uuid4()}") == 200


def _probe(target: ProbeTarget, pipe: Connection) -> None:
    results, stopped = ProbeResults(), threading.Event()

    def ask_health() -> None:
        probed, control = (
            _Client(target.port, keep_alive=target.keep_alive),
            _Client(target.control, keep_alive=target.keep_alive),
        )
        # Frequent enough to notice an interruption of a tenth of a second, but rare enough not to load the server.
        while not stopped.wait(0.02):
            control.ask(results.control, "/health")
            probed.ask(results.health, "/health")

    def write() -> None:
        client = _Client(target.port, keep_alive=target.keep_alive)
        while not stopped.wait(0.05):
            rid = str(uuid.uuid4())
            if client.ask(results.writes, f"/ping/{target.key}?rid={rid}") == 200:
                results.acknowledged[rid] = time.monotonic()

    threads = [threading.Thread(target=target) for target in (ask_health, write, write)]
    for thread in threads:
        thread.start()
    pipe.send("started")
    pipe.recv()
    stopped.set()
    for thread in threads:
        thread.join()
    pipe.send(results)


class _Client:
    def __init__(self, port: int, *, keep_alive: bool) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._keep = keep_alive

    def ask(self, probe: Probe, path: str) -> int:
        """Send a request, add its time and status to the probe, and return the status."""
        start_time, status, retry_after = time.monotonic(), BROKEN, None
        try:
            self._connection.request("GET", path, headers={} if self._keep else {"Connection": "close"})
            answer = self._connection.getresponse()
            answer.read()
            status, retry_after = answer.status, answer.headers.get("Retry-After")
        except ConnectionRefusedError:
            status = REFUSED
            self._connection.close()
        except (OSError, http.client.HTTPException):
            self._connection.close()
        probe.add(time.monotonic() - start_time, status, retry_after)
        return status
