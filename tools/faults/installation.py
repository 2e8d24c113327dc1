"""The processes of a CHM that a test can stop and start: PostgreSQL, Valkey, a Celery worker and beat."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
import redis

from chm_project.local.embedded import RunningServers, redis_url, start_servers
from chm_project.local.supervisor import CELERY
from tools.bench.servers import ROOT, create_database, fill_inventory, manage
from tools.faults.source import PIPELINES, SECRETS, FaultyPartner

INTERVAL_SECONDS = 1
# A circuit breaker pauses the connection for at most 16 intervals (16 s). So after 120 s CHM has ingested all runs.
SETTLE_SECONDS = 120
_STORED_RUNS_SQL = """
SELECT p.external_id, r.external_run_id, r.status, r.started_at, r.finished_at
FROM runs AS r JOIN pipelines AS p ON p.id = r.pipeline_id
"""
_STORED_TEXTS_SQL = """
SELECT concat_ws(' ', error_message, status_reason, payload) FROM runs
UNION ALL SELECT last_ingest_error FROM pipelines
"""


@dataclass(slots=True)
class Comparison:
    """The numbers of stored, lost, wrong and duplicated runs, and of texts that contain a secret."""

    run_count: int = 0
    lost_count: int = 0
    wrong_count: int = 0
    duplicate_count: int = 0
    shown_secret_count: int = 0

    @property
    def is_faultless(self) -> bool:
        return self.run_count > 0 and not (
            self.lost_count or self.wrong_count or self.duplicate_count or self.shown_secret_count
        )


class LocalInstallation:
    """A CHM on this machine: its servers, worker and beat. The folder contains their files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "processes.log"
        self.token_file = folder / "token"
        self.worker: subprocess.Popen[bytes] | None = None
        self.beat: subprocess.Popen[bytes] | None = None
        self.restart_count = 0
        self._stop_restarting = threading.Event()
        self._running_servers: list[RunningServers] = []
        self._server_url = self._broker_url = self.database_url = ""

    def start_servers(self) -> None:
        """Start PostgreSQL and Valkey, if they do not run. After a restart they have the same data and addresses."""
        servers = start_servers(data_dir=self.folder / "servers")
        self._running_servers.append(servers)
        self._server_url, self._broker_url = servers.database_url or "", servers.broker_url or ""

    def release(self) -> None:
        for servers in self._running_servers:
            servers.release()

    def server(self, program: str) -> psutil.Process:
        """Return the main process of PostgreSQL ("postgres") or of Valkey ("redis")."""
        if program == "redis":
            with self.redis_client() as client:
                info: Any = client.info()
                return psutil.Process(int(info["process_id"]))
        with psycopg.connect(self._server_url) as connection:
            # The parent of the session's process is PostgreSQL's main process.
            postmaster = psutil.Process(connection.info.backend_pid).parent()
        assert postmaster is not None
        return postmaster

    def bring_down(self, program: str, stop_signal: signal.Signals) -> None:
        process = self.server(program)
        process.send_signal(stop_signal)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.wait(30)

    def redis_client(self) -> "redis.Redis":
        return redis.Redis.from_url(redis_url(self._broker_url))

    def execute_sql(self, statement: Any) -> None:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(statement)

    # CHM's processes

    @property
    def environment(self) -> dict[str, str]:
        return {
            "CHM_DATABASE_URL": self.database_url,
            "CHM_BROKER_URL": self._broker_url,
            "CHM_CONNECTIONS_FILE": str(self.folder / "connections.toml"),
            "DJANGO_SETTINGS_MODULE": "chm_project.settings.development",
            "CHM_DEBUG": "0",
        }

    def start_worker(self) -> None:
        # Without mingle and gossip, a restarted worker does not wait for other workers.
        arguments = ("--concurrency", "2", "--without-mingle", "--without-gossip", "--loglevel", "DEBUG")
        self.worker = self._start_celery("worker", *arguments)

    def start_beat(self) -> None:
        # A killed beat does not delete its pid file, and the next beat would not start. So beat gets no pid file.
        arguments = ("--schedule", str(self.folder / "beat"), "--pidfile=", "--loglevel", "WARNING")
        self.beat = self._start_celery("beat", *arguments)

    def _start_celery(self, *arguments: str) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*CELERY, *arguments],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                # A separate process group, so that kill() also ends the children of a worker.
                start_new_session=True,
            )

    def _restart_ended_processes(self) -> None:
        """Start the worker and beat again if they end by themselves, as systemd does.

        A worker can end by itself when the broker stops while the worker has messages.
        """
        while not self._stop_restarting.wait(0.5):
            for process, start in ((self.worker, self.start_worker), (self.beat, self.start_beat)):
                # Ignore processes that the test has stopped or killed.
                if process is not None and process.poll() not in (None, 0, -signal.SIGKILL, -signal.SIGTERM):
                    self.restart_count += 1
                    start()

    def kill(self, process: "subprocess.Popen[bytes] | None") -> None:
        """Kill the process and its children with SIGKILL, all at once."""
        if process is not None and process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop_worker(self) -> float:
        """Stop the worker with SIGTERM, as an upgrade does; return the seconds until it has ended."""
        assert self.worker is not None
        started = time.monotonic()
        self.worker.terminate()
        self.worker.wait(120)
        return time.monotonic() - started

    @contextmanager
    def ingesting(self, source: FaultyPartner, connection_lines: str) -> Iterator[None]:
        """Create a new database with the partner's pipelines. During the block, run a worker and beat.

        `connection_lines` are more lines of the connection in TOML, such as 'connector = "generic"'.
        """
        self.database_url = create_database(self._server_url, "chm_faults")
        with self.redis_client() as client:
            # Remove the tasks, locks and circuit breakers of the previous fault.
            client.flushall()
        # Remove beat's file, so that beat does not continue with the schedule of the previous fault.
        for beat_file in self.folder.glob("beat*"):
            beat_file.unlink()
        self.log.write_bytes(b"")
        self.token_file.write_text(source.token)
        (self.folder / "connections.toml").write_text(
            f"[connections.partner]\nbase_url = {source.base_url!r}\ninterval_seconds = {INTERVAL_SECONDS}\n"
            f"timeout_seconds = 0.5\nmax_retries = 2\nbackoff_seconds = 0.2\n"
            f'auth = {{ kind = "bearer", secret_file = "{self.token_file}" }}\n{connection_lines}\n'
        )
        manage("migrate", "--verbosity", "0", **self.environment)
        fill_inventory(self.database_url, list(PIPELINES))
        self.restart_count = 0
        self._stop_restarting = threading.Event()
        service_manager = threading.Thread(target=self._restart_ended_processes)
        self.start_worker()
        self.start_beat()
        service_manager.start()
        try:
            yield
        finally:
            self._stop_restarting.set()
            service_manager.join()
            self.kill(self.beat)
            self.kill(self.worker)

    # Results

    def wait_until_settled(self, source: FaultyPartner, *, seconds: float = SETTLE_SECONDS) -> Comparison:
        """Wait until no run is lost or wrong, for at most `seconds`; return the last comparison."""
        deadline = time.monotonic() + seconds
        while True:
            comparison = self._compare(source)
            if (not comparison.lost_count and not comparison.wrong_count) or time.monotonic() > deadline:
                comparison.shown_secret_count = self._count_shown_secrets()
                return comparison
            time.sleep(0.25)

    def _compare(self, source: FaultyPartner) -> Comparison:
        try:
            with psycopg.connect(self.database_url) as connection:
                rows = connection.execute(_STORED_RUNS_SQL).fetchall()
        except psycopg.Error:
            # PostgreSQL is still starting. Return a difference, so that the caller compares again.
            return Comparison(lost_count=1)
        stored_runs = {(row[0], row[1]): row[2:] for row in rows}
        comparison = Comparison(run_count=len(rows), duplicate_count=len(rows) - len(stored_runs))
        for pipeline_name, runs in source.runs.items():
            for run in runs:
                expected = (run["status"], _parse_time(run["started_at"]), _parse_time(run.get("finished_at")))
                stored = stored_runs.get((pipeline_name, run["external_run_id"]))
                comparison.lost_count += stored is None
                comparison.wrong_count += stored is not None and stored != expected
        return comparison

    def _count_shown_secrets(self) -> int:
        """Return how many stored runs, ingestion errors, values in Redis and lines of the log contain a secret."""
        with psycopg.connect(self.database_url) as connection:
            texts = [row[0] or "" for row in connection.execute(_STORED_TEXTS_SQL).fetchall()]
        with self.redis_client() as client:
            # Waiting messages are in lists, messages that a worker has are in hashes, and results are strings.
            keys: Any = client.keys("*")
            texts += [str(client.get(key)) for key in keys if client.type(key) == b"string"]
            texts += [str(client.lrange(key, 0, -1)) for key in keys if client.type(key) == b"list"]
            texts += [str(client.hgetall(key)) for key in keys if client.type(key) == b"hash"]
        texts += self.log.read_text(errors="replace").splitlines()
        return sum(any(secret in text for secret in SECRETS) for text in texts)


def _parse_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
