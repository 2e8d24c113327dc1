"""Runs that happen now: every few seconds somewhere one starts, progresses, fails, or is run again.

What a pipeline's runs are at a moment depends on the seed, the pipeline and that moment alone, so a partner needs no
memory, and one that was restarted goes on as if it had never stopped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from ingestion.synthetic.dataset import time_text
from ingestion.synthetic.vocabulary import ERRORS, ROWS

KEPT_SECONDS = 1_800
PERIOD_SECONDS = (240, 600)
QUEUED_SECONDS = (2, 6)
WORK_SECONDS = (20, 120)
PROGRESS_SECONDS = 5
AGAIN_AFTER_SECONDS = (8, 15)
FAILURE_RATE = 0.08
RUN_AGAIN_SHARE = 0.7
CANCELED_SHARE = 0.03
# One in so many pipelines is broken, and fails nearly always, without being run again.
BROKEN_ONE_IN = 14
BROKEN_RATE = 0.97

Run = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SimulatedSource:
    """A pipeline of the simulated orchestrator."""

    external_id: str
    pipeline_type: str
    seed: int = 1
    silent: bool = False

    def runs(self, now: float) -> list[Run]:
        """The runs of the last half hour as they are at `now` (seconds since 1970), oldest first."""
        if self.silent:
            return []
        random = self._random("habits")
        period, offset = random.randint(*PERIOD_SECONDS), random.randint(0, PERIOD_SECONDS[1])
        broken = random.randrange(BROKEN_ONE_IN) == 0
        first = int(now - KEPT_SECONDS - offset) // period + 1
        last = int(now - offset) // period
        return [self._run(number, number * period + offset, broken, now) for number in range(first, last + 1)]

    def number_of(self, external_run_id: str) -> int | None:
        """Where in the sequence of live runs; None for a run of another making."""
        prefix, _, number = external_run_id.rpartition(".live-")
        return int(number) if prefix == self.external_id and number.isdecimal() else None

    def _run(self, number: int, asked_at: int, broken: bool, now: float) -> Run:
        random = self._random(str(number))
        low, high = ROWS[self.pipeline_type]
        total = random.randint(low, high)
        error, reason = random.choice(ERRORS)
        fails = random.random() < (BROKEN_RATE if broken else FAILURE_RATE)
        again = fails and not broken and random.random() < RUN_AGAIN_SHARE
        canceled = not fails and random.random() < CANCELED_SHARE
        started = asked_at + random.randint(*QUEUED_SECONDS)
        run: Run = {"external_run_id": f"{self.external_id}.live-{number}"}
        if now < started:
            return run | {"status": "queued", "updated_at": time_text(asked_at)}
        ended = started + random.randint(*WORK_SECONDS)
        if again and now >= (begins_again := ended + random.randint(*AGAIN_AFTER_SECONDS)):
            # The same run, opened again by its source, succeeds this time.
            started, ended, fails = begins_again, begins_again + random.randint(*WORK_SECONDS), False
        run["started_at"] = time_text(started)
        if now < ended:
            moment = started + int(now - started) // PROGRESS_SECONDS * PROGRESS_SECONDS
            done = total * (moment - started) // (ended - started)
            return run | {"status": "running", "rows_processed": done, "updated_at": time_text(moment)}
        run |= {"finished_at": time_text(ended), "updated_at": time_text(ended)}
        if fails:
            return run | {"status": "failed", "error_message": error, "status_reason": reason}
        if canceled:
            return run | {"status": "cancelled", "status_reason": "stopped by hand"}
        return run | {"status": "succeeded", "rows_processed": total}

    def _random(self, subject: str) -> Random:
        return Random(f"{self.seed} {self.external_id} {subject}")  # noqa: S311 - believable, not secret


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """A run that CHM holds as running and its source has no more to say about, but that it has ended."""

    external_run_id: str
    started_at: str
    ends: int

    def runs(self, now: float) -> Iterator[Run]:
        if now >= self.ends:
            yield {
                "external_run_id": self.external_run_id,
                "status": "succeeded",
                "started_at": self.started_at or None,
                "finished_at": time_text(self.ends),
                "updated_at": time_text(self.ends),
            }
