"""A simulated partner. Its runs start and end while CHM reads them, and a test can replace its responses."""

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.synthetic.partner import Answer, Request

PIPELINES = tuple(f"pipeline-{number}" for number in range(6))
RUNS_PER_PIPELINE = 300
CHANGE_EVERY_SECONDS = 0.05
# 1. the password in the runs and their error texts, 2. the partner's token, 3. the partner's token after the rotation.
SECRETS = ("hunter2-of-the-run", "first-partner-token", "second-partner-token")


def _iso_text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


class FaultyPartner(GenericPartner):
    """A partner that filters runs by `updated_since`.

    If `answer_instead` returns an answer for a request, the partner sends this answer instead of its own.
    """

    def __init__(self, *, runs_per_pipeline: int = RUNS_PER_PIPELINE, page_size: int = 20, seed: int = 1) -> None:
        super().__init__(page_size=page_size, token=SECRETS[1], ignores_updated_since=False)
        self.answer_instead: Callable[[Request], Answer | None] = lambda request: None
        self.random = random.Random(seed)
        self._run_count = 0
        self._stopping = threading.Event()
        self._changer = threading.Thread(target=self._change_runs, daemon=True)
        # There are enough runs that a fault can interrupt the first walk.
        first_start = datetime.now(UTC) - timedelta(days=30)
        for pipeline_name in PIPELINES:
            self.runs[pipeline_name] = []
            for run_index in range(runs_per_pipeline):
                start = first_start + timedelta(hours=2 * run_index)
                self._start_run(pipeline_name, start)
                self._end_run(pipeline_name, run_index, start + timedelta(minutes=7))

    def answer_or_fault(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
        return self.answer_instead(request) or self.answer(request)

    def start_changes(self) -> None:
        self._changer.start()

    def stop_changes(self) -> None:
        """Stop the thread that changes runs."""
        self._stopping.set()
        if self._changer.is_alive():
            self._changer.join()

    def _change_runs(self) -> None:
        while not self._stopping.wait(CHANGE_EVERY_SECONDS):
            pipeline_name = self.random.choice(PIPELINES)
            open_runs = [index for index, run in enumerate(self.runs[pipeline_name]) if run["status"] == "running"]
            # Ends are more frequent than starts, so that open runs do not accumulate.
            if open_runs and self.random.random() < 0.6:
                self._end_run(pipeline_name, open_runs[0], datetime.now(UTC))
            else:
                self._start_run(pipeline_name, datetime.now(UTC))

    def _start_run(self, pipeline_name: str, moment: datetime) -> None:
        self._run_count += 1
        run: dict[str, Any] = {
            "external_run_id": f"{pipeline_name}-{self._run_count}",
            "status": "running",
            "started_at": _iso_text(moment),
            "updated_at": _iso_text(moment),
            # CHM must not store or log the password.
            "config": {"password": SECRETS[0]},
        }
        # Assign a new list, because another thread of the partner may be reading the old list.
        self.runs[pipeline_name] = [*self.runs[pipeline_name], run]

    def _end_run(self, pipeline_name: str, run_index: int, moment: datetime) -> None:
        runs = list(self.runs[pipeline_name])
        failed = self.random.random() < 0.2
        runs[run_index] = runs[run_index] | {
            "status": "failed" if failed else "success",
            "finished_at": _iso_text(moment),
            "updated_at": _iso_text(moment),
        }
        if failed:
            runs[run_index]["error_message"] = f"could not log in with password={SECRETS[0]}"
        self.runs[pipeline_name] = runs
