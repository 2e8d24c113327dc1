"""A complete CHM with production settings: servers, two web processes, a worker with two processes, and beat."""

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import requests
from psycopg.conninfo import conninfo_to_dict

from tools.bench.servers import ROOT, free_port, manage
from tools.faults.installation import LocalInstallation
from tools.faults.source import FaultyPartner


class ProductionInstallation(LocalInstallation):
    """A CHM with production settings, whose parts a test can stop one by one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        self.secret_key = secrets.token_urlsafe(64)
        self.scraper_token = secrets.token_urlsafe(16)
        self.scraper_file = folder / "scraper-token"

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {
            "DJANGO_SETTINGS_MODULE": "chm_project.settings.production",
            "CHM_DEBUG": "",
            "CHM_DATABASE_URL": self._database_url(),
            "CHM_SECRET_KEY": self.secret_key,
            "CHM_ALLOWED_HOSTS": "127.0.0.1",
            # Prometheus and this test use HTTP without TLS, because they only connect to 127.0.0.1.
            "CHM_SSL_REDIRECT": "false",
            "CHM_PROXIES": "127.0.0.1",
            "CHM_METRICS_DIR": str(self.folder / "metrics"),
            "CHM_METRICS_TOKEN_FILE": str(self.scraper_file),
        }

    def _database_url(self) -> str:
        """Return the database's URL, in which a link replaces the folder of PostgreSQL's socket.

        Production settings refuse the folder of an embedded PostgreSQL.
        """
        if not self.database_url:
            return ""
        folder, link = str(conninfo_to_dict(self.database_url)["host"]), self.folder / "database"
        if not link.exists():
            link.symlink_to(folder)
        return self.database_url.replace(folder, str(link))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self, source: FaultyPartner) -> Iterator[None]:
        self.scraper_file.write_text(self.scraper_token)
        self.start_servers()
        try:
            with self.ingesting(source, 'connector = "generic"'):
                command = [sys.executable, "-m", "chm_project.web_server", "--processes", "2", "--port", str(self.port)]
                with self.log.open("ab") as log:
                    web = subprocess.Popen(
                        command, cwd=ROOT, env={**os.environ, **self.environment}, stdout=log, stderr=log
                    )
                try:
                    wait_until(lambda: self.is_serving() and self.has_ingested(source), "all is up")
                    yield
                finally:
                    web.terminate()
                    web.wait(30)
        finally:
            self.release()

    def is_serving(self) -> bool:
        try:
            return requests.get(f"{self.address}/health", timeout=20).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False

    def has_ingested(self, source: FaultyPartner) -> bool:
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute("SELECT count(*) FROM pipelines WHERE ingested_through IS NOT NULL").fetchone()
        return row is not None and row[0] == len(source.runs)

    def create_token(self, *arguments: str) -> str:
        match = re.search(r"chm_\w{8}_\w{40}", manage("create_api_token", "watch", *arguments, **self.environment))
        assert match is not None
        return match[0]

    def metrics(self) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.scraper_token}"}
        return requests.get(f"{self.address}/metrics", headers=headers, timeout=30)

    def stop_database(self) -> None:
        self.bring_down("postgres", signal.SIGINT)


def wait_until(condition: Callable[[], bool], description: str, seconds: float = 120) -> float:
    """Wait until the condition is true, and return how many seconds that took. Raise AssertionError after `seconds`."""
    start_time = time.monotonic()
    while not condition():
        if time.monotonic() - start_time > seconds:
            raise AssertionError(f"not within {seconds:.0f} s: {description}")
        time.sleep(0.2)
    return time.monotonic() - start_time
