"""Clients that read and write while an installation is upgraded, and the results of their requests."""

import itertools
import threading
import time
import uuid
from datetime import UTC, datetime

import requests

# The headers that a proxy sends.
HEADERS = {"Host": "chm.example.com", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
READS = ("/api/v1/pipelines", "/api/v1/runs", "/api/v1/reports/failing_now", "/api/v1/reports/late_pipelines")
PAUSE_SECONDS = 0.05


class Traffic:
    """A reader and a writer. Each sends its requests to the addresses in turn."""

    def __init__(self, token: str) -> None:
        self._headers = {**HEADERS, "Authorization": f"Bearer {token}"}
        self._stopped = threading.Event()
        self._reading, self._writing = threading.Lock(), threading.Lock()
        self._addresses: list[str] = []
        self._threads: list[threading.Thread] = []
        self.acknowledged: set[str] = set()
        self.failures: list[str] = []
        self.answered = 0
        self.client_id = ""

    @property
    def written(self) -> int:
        return len(self.acknowledged)

    @property
    def failed(self) -> str:
        return f"{len(self.failures)} failed" if self.failures else "none failed"

    def start(self, addresses: list[str]) -> None:
        self._addresses = addresses
        listed = requests.get(f"{addresses[0]}/api/v1/pipelines?limit=1", headers=self._headers, timeout=30)
        [pipeline] = listed.json()["items"]
        self.client_id, self._pipeline = pipeline["client_id"], pipeline["id"]
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._read, self._write)]
        for thread in self._threads:
            thread.start()

    def go_to(self, addresses: list[str]) -> None:
        """Use these addresses from now on, like a proxy; return when requests to the old addresses have ended."""
        self._addresses = addresses
        # Each thread holds its lock during a request, so acquiring the lock waits for the current request.
        for lock in (self._reading, self._writing):
            with lock:
                pass

    def wait_for(self, request_count: int) -> None:
        """Wait until this many more requests have ended, successfully or not."""
        until, before = time.monotonic() + 60, self.answered + len(self.failures)
        while time.monotonic() < until and self.answered + len(self.failures) < before + request_count:
            time.sleep(0.05)

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _read(self) -> None:
        for number in itertools.count():
            if self._stopped.wait(PAUSE_SECONDS):
                return
            with self._reading:
                self._ask("GET", READS[number % len(READS)], number)

    def _write(self) -> None:
        for number in itertools.count():
            if self._stopped.wait(PAUSE_SECONDS):
                return
            run_id, now = str(uuid.uuid4()), datetime.now(UTC).isoformat()
            body = {"status": "success", "started_at": now, "finished_at": now}
            with self._writing:
                if self._ask("PUT", f"/api/v1/pipelines/{self._pipeline}/runs/{run_id}", number, body):
                    self.acknowledged.add(run_id)

    def _ask(self, method: str, path: str, number: int, body: dict[str, str] | None = None) -> bool:
        addresses = self._addresses
        address = addresses[number % len(addresses)]
        try:
            answer = requests.request(method, address + path, headers=self._headers, json=body, timeout=30)
        except requests.RequestException as error:
            self.failures.append(f"{method} {path}: {type(error).__name__}")
            return False
        self.answered += 1
        if answer.status_code >= 400:
            self.failures.append(f"{method} {path}: {answer.status_code} {answer.text[:100]}")
            return False
        return True
