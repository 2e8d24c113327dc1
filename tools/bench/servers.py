"""Helpers of benchmarks and drills: an empty database, a partner, CHM's web server, and commands of manage.py."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen
from uuid import UUID

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict

ROOT = Path(__file__).resolve().parents[2]
DATABASE_NAME = "chm_bench"
# Rate limits that are too high to affect the measurement.
UNLIMITED_RATES = dict.fromkeys(
    ("CHM_THROTTLE_TOKEN", "CHM_THROTTLE_ADDRESS", "CHM_THROTTLE_LINEAGE"), "100000000/minute"
)


def create_database(url: str, name: str = DATABASE_NAME) -> str:
    """Create an empty database on the server of `url`; return its URL."""
    with psycopg.connect(url, autocommit=True) as server:
        # FORCE closes the sessions of an interrupted benchmark, which may still be open.
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
    parts = conninfo_to_dict(url)
    # The folder of a unix socket cannot be the host in a URL, so it becomes a parameter.
    if "host" in parts and str(parts["host"]).startswith("/"):
        user = parts.get("user", "")
        return f"postgresql://{user}@/{name}?host={parts['host']}" + (
            f"&port={parts['port']}" if "port" in parts else ""
        )
    return url.rpartition("/")[0] + f"/{name}"


def fill_inventory(
    url: str, external_ids: list[str], *, platform: str = "custom", watermark: datetime | None = None
) -> list[UUID]:
    """Create a client, and a pipeline for each external id. Return the ids of the pipelines.

    The name of a pipeline is its external id.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO clients (id, name) VALUES (gen_random_uuid(), 'Bench')")
        rows = connection.execute(
            "INSERT INTO pipelines (id, client_id, name, platform, external_id, pipeline_type, ingested_through)"
            " SELECT gen_random_uuid(), c.id, n, %s, n, 'ingestion', %s FROM clients AS c, unnest(%s::text[]) AS n"
            " RETURNING id",
            [platform, watermark, external_ids],
        ).fetchall()
    return [row[0] for row in rows]


def empty_tables(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE clients, pipelines, runs, alert_rules CASCADE")


def manage(*arguments: str, **environment: str) -> str:
    """Run a command of manage.py and return its output."""
    completed = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if completed.returncode:
        raise SystemExit(f"manage.py {' '.join(arguments)} ended with status {completed.returncode}")
    return completed.stdout


@dataclass(frozen=True, slots=True)
class TimedCommand:
    """Elapsed time, peak memory and output of a command that has ended."""

    seconds: float
    peak_mb: float
    output: str


def run_timed(*arguments: str, **environment: str) -> TimedCommand:
    """Run a command of manage.py and measure it. The time includes its start-up."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    output = process.stdout.read() if process.stdout else ""
    # wait4 returns the peak memory of this process. getrusage would return the highest peak of all ended processes.
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"manage.py {' '.join(arguments)} ended with status {process.returncode}: {output}")
    return TimedCommand(seconds, usage.ru_maxrss / 1024, output)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def web_server(*arguments: str, **environment: str) -> Iterator[tuple[int, psutil.Process]]:
    """Run a web server on a free port; yield the port and the process.

    Without arguments for Python, run `manage.py serve`.
    """
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, *(arguments or ("manage.py", "serve"))],
        cwd=ROOT,
        env={**os.environ, **environment, "CHM_PORT": str(port)},
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/health", process)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def partner(*arguments: str) -> Iterator[str]:
    """Run tools.bench.partner in a process; yield its URL."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tools.bench.partner", "--port", str(port), *arguments], cwd=ROOT)
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_ready(address: str, process: subprocess.Popen[bytes], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(address, timeout=5) as response:
                if response.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.05)
    raise SystemExit(f"{address} did not answer")


def memory_mb_by_process(process: psutil.Process) -> dict[str, float]:
    """Return the memory (PSS, in MB) of each child process by its command.

    If several processes share a page of memory, PSS counts an equal part of the page for each process.
    """
    memory: dict[str, float] = {}
    for number, child in enumerate(process.children(recursive=True)):
        program, *arguments = child.cmdline()[:3]
        name = f"web {number}: {Path(program).name} {' '.join(arguments)}"
        memory[name] = round(child.memory_full_info().pss / 2**20, 1)
    return memory


def postgres_memory_mb() -> float:
    """Return the memory (PSS, in MB) of all PostgreSQL processes. The shared buffers are included once."""
    total = 0
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == "postgres":
            try:
                total += process.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
    return round(total / 2**20, 1)


def write_connections_file(folder: Path, base_url: str) -> Path:
    path = folder / "connections.toml"
    path.write_text(f'[connections.bench]\nconnector = "generic"\nbase_url = {json.dumps(base_url)}\n')
    return path
