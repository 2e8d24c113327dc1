"""Threads that read and write through CHM's API while an installation is upgraded, and the results."""

import itertools
import threading
import time
import uuid
from datetime import UTC, datetime

import requests

# The headers that a proxy sends.
HEADERS = {"Host": "chm.example.com", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
READ_PATHS = ("/api/v1/pipelines", "/api/v1/runs", "/api/v1/reports/failing_now", "/api/v1/reports/late_pipelines")
PAUSE_SECONDS = 0.05


class Traffic:
    """A thread that reads and a thread that writes. Each sends its requests to the addresses in turn."""

    def __init__(self, token: str) -> None:
        self._headers = {**HEADERS, "Authorization": f"Bearer {token}"}
        self._stopped = threading.Event()
        self._read_lock, self._write_lock = threading.Lock(), threading.Lock()
        self._addresses: list[str] = []
        self._threads: list[threading.Thread] = []
        self.written_run_ids: set[str] = set()
        self.failures: list[str] = []
        self.answered_count = 0
        self._ended_count = 0
        self.client_id = ""

    @property
    def written_count(self) -> int:
        return len(self.written_run_ids)

    @property
    def failures_text(self) -> str:
        return f"{len(self.failures)} failed" if self.failures else "none failed"

    def start(self, addresses: list[str]) -> None:
        self._addresses = addresses
        response = requests.get(f"{addresses[0]}/api/v1/pipelines?limit=1", headers=self._headers, timeout=30)
        [pipeline] = response.json()["items"]
        self.client_id, self._pipeline = pipeline["client_id"], pipeline["id"]
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._read, self._write)]
        for thread in self._threads:
            thread.start()

    def use_addresses(self, addresses: list[str]) -> None:
        """Send all later requests to these addresses. Return when the requests to the old addresses have ended."""
        self._addresses = addresses
        # Each thread holds its lock during a request. So this loop waits until the current requests have ended.
        for lock in (self._read_lock, self._write_lock):
            with lock:
                pass

    def wait_for_requests(self, request_count: int) -> None:
        """Wait until `request_count` more requests have ended, with or without success."""
        deadline, ended_before = time.monotonic() + 60, self._ended_count
        while time.monotonic() < deadline and self._ended_count < ended_before + request_count:
            time.sleep(0.05)

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _read(self) -> None:
        for request_number in itertools.count():
            if self._stopped.wait(PAUSE_SECONDS):
                return
            with self._read_lock:
                self._send("GET", READ_PATHS[request_number % len(READ_PATHS)], request_number)

    def _write(self) -> None:
        for request_number in itertools.count():
            if self._stopped.wait(PAUSE_SECONDS):
                return
            run_id, now = str(uuid.uuid4()), datetime.now(UTC).isoformat()
            body = {"status": "success", "started_at": now, "finished_at": now}
            with self._write_lock:
                if self._send("PUT", f"/api/v1/pipelines/{self._pipeline}/runs/{run_id}", request_number, body):
                    self.written_run_ids.add(run_id)

    def _send(self, method: str, path: str, request_number: int, body: dict[str, str] | None = None) -> bool:
        addresses = self._addresses
        address = addresses[request_number % len(addresses)]
        try:
            response = requests.request(method, address + path, headers=self._headers, json=body, timeout=30)
        except requests.RequestException as error:
            self.failures.append(f"{method} {path}: {type(error).__name__}")
            return False
        finally:
            self._ended_count += 1
        self.answered_count += 1
        if response.status_code >= 400:
            self.failures.append(f"{method} {path}: {response.status_code} {response.text[:100]}")
            return False
        return True
