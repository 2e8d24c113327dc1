"""Simulate live runs of pipelines that run every few minutes. Some runs fail, and some of those run again.

The runs of a pipeline depend only on the seed, the pipeline and the time. So a simulated partner does not store runs,
and returns the same runs after a restart.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from ingestion.synthetic.dataset import time_text
from ingestion.synthetic.vocabulary import ERRORS, ROW_RANGES

RETURNED_SECONDS = 1_800  # older runs are not returned
# A pair is the range of a random value.
PERIOD_SECONDS = (240, 600)  # from one run of a pipeline to the next run
QUEUED_SECONDS = (2, 6)
WORK_SECONDS = (20, 120)
PROGRESS_SECONDS = 5  # how often a running run reports its processed rows
RUN_AGAIN_AFTER_SECONDS = (8, 15)  # from a failure to the next attempt
FAILURE_RATE = 0.08
RUN_AGAIN_SHARE = 0.7  # of the failed runs
CANCELED_SHARE = 0.03
# One of this many pipelines is broken: nearly all of its runs fail, and a failed run does not run again.
BROKEN_ONE_IN = 14
BROKEN_FAILURE_RATE = 0.97

RunRow = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SimulatedPipeline:
    """A pipeline of a simulated partner. A silent pipeline has no runs."""

    external_id: str
    pipeline_type: str
    seed: int = 1
    is_silent: bool = False

    def runs(self, now: float) -> list[RunRow]:
        """Return the runs of the last half hour as they are at `now` (seconds since 1970), oldest first."""
        if self.is_silent:
            return []
        random = self._random("habits")
        period, offset = random.randint(*PERIOD_SECONDS), random.randint(0, PERIOD_SECONDS[1])
        is_broken = random.randrange(BROKEN_ONE_IN) == 0
        first = int(now - RETURNED_SECONDS - offset) // period + 1
        last = int(now - offset) // period
        return [self._run_at(number, number * period + offset, is_broken, now) for number in range(first, last + 1)]

    def run_number(self, external_run_id: str) -> int | None:
        """Return the number in the id of a live run of this pipeline, or None for any other run."""
        prefix, _, number = external_run_id.rpartition(".live-")
        return int(number) if prefix == self.external_id and number.isdecimal() else None

    def _run_at(self, number: int, queued_at: int, is_broken: bool, now: float) -> RunRow:
        random = self._random(str(number))
        low, high = ROW_RANGES[self.pipeline_type]
        total_rows = random.randint(low, high)
        error, reason = random.choice(ERRORS)
        fails = random.random() < (BROKEN_FAILURE_RATE if is_broken else FAILURE_RATE)
        runs_again = fails and not is_broken and random.random() < RUN_AGAIN_SHARE
        canceled = not fails and random.random() < CANCELED_SHARE
        started = queued_at + random.randint(*QUEUED_SECONDS)
        run: RunRow = {"external_run_id": f"{self.external_id}.live-{number}"}
        if now < started:
            return run | {"status": "queued", "updated_at": time_text(queued_at)}
        ended = started + random.randint(*WORK_SECONDS)
        if runs_again and now >= (begins_again := ended + random.randint(*RUN_AGAIN_AFTER_SECONDS)):
            # The run is started again with the same id, and succeeds.
            started, ended, fails = begins_again, begins_again + random.randint(*WORK_SECONDS), False
        run["started_at"] = time_text(started)
        if now < ended:
            progress_at = started + int(now - started) // PROGRESS_SECONDS * PROGRESS_SECONDS
            processed_rows = total_rows * (progress_at - started) // (ended - started)
            return run | {"status": "running", "rows_processed": processed_rows, "updated_at": time_text(progress_at)}
        run |= {"finished_at": time_text(ended), "updated_at": time_text(ended)}
        if fails:
            return run | {"status": "failed", "error_message": error, "status_reason": reason}
        if canceled:
            return run | {"status": "cancelled", "status_reason": "stopped by hand"}
        return run | {"status": "succeeded", "rows_processed": total_rows}

    def _random(self, subject: str) -> Random:
        # Random hashes a text with SHA-512, so that the values are the same in every process.
        return Random(f"{self.seed} {self.external_id} {subject}")  # noqa: S311 - not for secrets


@dataclass(frozen=True, slots=True)
class RunLeftOpen:
    """A run that CHM has stored as running. The partner returns this run only after its end (`ends_at`)."""

    external_run_id: str
    started_at: str
    ends_at: int

    def runs(self, now: float) -> Iterator[RunRow]:
        if now >= self.ends_at:
            yield {
                "external_run_id": self.external_run_id,
                "status": "succeeded",
                "started_at": self.started_at or None,
                "finished_at": time_text(self.ends_at),
                "updated_at": time_text(self.ends_at),
            }
