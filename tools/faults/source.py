"""A partner whose runs start and end while CHM requests them, with wrong answers that a test can inject."""

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.synthetic.partner import Answer, Request

PIPELINES = tuple(f"pipeline-{number}" for number in range(6))
HISTORY = 300
CHANGE_EVERY_SECONDS = 0.05
# The secret in runs and errors, and the partner's token before and after its rotation.
SECRETS = ("hunter2-of-the-run", "first-partner-token", "second-partner-token")


def _iso_text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


class FaultyPartner(GenericPartner):
    """A partner that filters by `updated_since`. If `answer_instead` returns an answer, the partner sends it."""

    def __init__(self, *, history: int = HISTORY, page_size: int = 20, seed: int = 1) -> None:
        super().__init__(page_size=page_size, token=SECRETS[1], ignores_updated_since=False)
        self.answer_instead: Callable[[Request], Answer | None] = lambda request: None
        self.random = random.Random(seed)
        self._run_count = 0
        self._stop = threading.Event()
        self._changer = threading.Thread(target=self._change_runs, daemon=True)
        # With this history a walk is long enough to be interrupted.
        begin = datetime.now(UTC) - timedelta(days=30)
        for name in PIPELINES:
            self.runs[name] = []
            for number in range(history):
                start = begin + timedelta(hours=2 * number)
                self._start(name, start)
                self._end(name, number, start + timedelta(minutes=7))

    def answer_or_fault(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
        return self.answer_instead(request) or self.answer(request)

    def start_changes(self) -> None:
        self._changer.start()

    def stop_changes(self) -> None:
        """Stop the thread that changes runs."""
        self._stop.set()
        if self._changer.is_alive():
            self._changer.join()

    def _change_runs(self) -> None:
        while not self._stop.wait(CHANGE_EVERY_SECONDS):
            name = self.random.choice(PIPELINES)
            open_runs = [n for n, run in enumerate(self.runs[name]) if run["status"] == "running"]
            # Ends are more frequent than starts, so that open runs do not accumulate.
            if open_runs and self.random.random() < 0.6:
                self._end(name, open_runs[0], datetime.now(UTC))
            else:
                self._start(name, datetime.now(UTC))

    def _start(self, name: str, moment: datetime) -> None:
        self._run_count += 1
        run: dict[str, Any] = {
            "external_run_id": f"{name}-{self._run_count}",
            "status": "running",
            "started_at": _iso_text(moment),
            "updated_at": _iso_text(moment),
            # CHM must not store or log this.
            "config": {"password": SECRETS[0]},
        }
        # A new list, because the partner's threads may be reading the old one.
        self.runs[name] = [*self.runs[name], run]

    def _end(self, name: str, number: int, moment: datetime) -> None:
        runs = list(self.runs[name])
        failed = self.random.random() < 0.2
        runs[number] = runs[number] | {
            "status": "failed" if failed else "success",
            "finished_at": _iso_text(moment),
            "updated_at": _iso_text(moment),
        }
        if failed:
            runs[number]["error_message"] = f"could not log in with password={SECRETS[0]}"
        self.runs[name] = runs
