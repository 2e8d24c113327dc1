"""Requests that probe a web server. A separate process sends them, because this process is busy with the fault."""

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
CONNECTION_REFUSED, CONNECTION_BROKEN = 0, -1


@dataclass(slots=True)
class ProbedRequests:
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

    def percentile_seconds(self, share: float) -> float:
        return sorted(self.seconds)[int(share * (len(self.seconds) - 1))] if self.seconds else 0


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """What is probed: `port` is the port of a web server or of nginx, and `control_port` that of an idle web server.

    Only the probes send requests to the idle server. Its latency shows how busy the machine is. `ping_key` is the key
    of the pings. With `keep_alive`, all requests of a probe use the same connection.
    """

    port: int
    control_port: int
    ping_key: str
    keep_alive: bool


@dataclass(slots=True)
class ProbeResults:
    """The results of all probes."""

    health: ProbedRequests = field(default_factory=ProbedRequests)
    control: ProbedRequests = field(default_factory=ProbedRequests)
    writes: ProbedRequests = field(default_factory=ProbedRequests)
    # For the run id of each ping that got 200, the time of the response (time.monotonic()).
    answered_at_by_run_id: dict[str, float] = field(default_factory=dict)


@contextmanager
def probing(target: ProbeTarget) -> Iterator[ProbeResults]:
    """Probe the target during the block. The block gets a ProbeResults that is filled when the block ends."""
    results = ProbeResults()
    # A forked process would share the sockets and locks of this process, so start a new one ("spawn").
    context = multiprocessing.get_context("spawn")
    parent_end, child_end = context.Pipe()
    process = context.Process(target=_run_probes, args=(target, child_end), daemon=True)
    process.start()
    parent_end.recv()
    try:
        yield results
    finally:
        parent_end.send("stop")
        final_results: ProbeResults = parent_end.recv()
        process.join()
        results.health, results.control, results.writes = (
            final_results.health,
            final_results.control,
            final_results.writes,
        )
        results.answered_at_by_run_id = final_results.answered_at_by_run_id


def ping(port: int, ping_key: str) -> bool:
    return _Client(port, keep_alive=False).request(ProbedRequests(), f"/ping/{ping_key}?rid={uuid.uuid4()}") == 200


def _run_probes(target: ProbeTarget, pipe: Connection) -> None:
    results, is_stopped = ProbeResults(), threading.Event()

    def request_health() -> None:
        probed_client, control_client = (
            _Client(target.port, keep_alive=target.keep_alive),
            _Client(target.control_port, keep_alive=target.keep_alive),
        )
        # A request every 20 ms notices an interruption of 100 ms, and needs little time of the server.
        while not is_stopped.wait(0.02):
            control_client.request(results.control, "/health")
            probed_client.request(results.health, "/health")

    def write_pings() -> None:
        client = _Client(target.port, keep_alive=target.keep_alive)
        while not is_stopped.wait(0.05):
            rid = str(uuid.uuid4())
            if client.request(results.writes, f"/ping/{target.ping_key}?rid={rid}") == 200:
                results.answered_at_by_run_id[rid] = time.monotonic()

    threads = [threading.Thread(target=function) for function in (request_health, write_pings, write_pings)]
    for thread in threads:
        thread.start()
    pipe.send("started")
    pipe.recv()
    is_stopped.set()
    for thread in threads:
        thread.join()
    pipe.send(results)


class _Client:
    def __init__(self, port: int, *, keep_alive: bool) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._keep_alive = keep_alive

    def request(self, requests_so_far: ProbedRequests, path: str) -> int:
        """Send a request, record it in `requests_so_far`, and return its status."""
        start_time, status, retry_after = time.monotonic(), CONNECTION_BROKEN, None
        try:
            self._connection.request("GET", path, headers={} if self._keep_alive else {"Connection": "close"})
            response = self._connection.getresponse()
            response.read()
            status, retry_after = response.status, response.headers.get("Retry-After")
        except ConnectionRefusedError:
            status = CONNECTION_REFUSED
            self._connection.close()
        except (OSError, http.client.HTTPException):
            self._connection.close()
        requests_so_far.add(time.monotonic() - start_time, status, retry_after)
        return status
