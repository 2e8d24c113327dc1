"""Generate a realistic history of many pipelines over years. The same seed, sizes and end give the same rows.

Runs are generated day by day, approximately in the order in which CHM would store them. So their order on disk is
realistic.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from ingestion.synthetic.vocabulary import (
    CLIENT_FIRST_WORDS,
    CLIENT_SECOND_WORDS,
    ERRORS,
    INCIDENT_ERROR,
    ROW_RANGES,
    SUBJECTS,
    TYPICAL_SECONDS,
    WORK_WORDS,
)
from inventory.models import Client, Environment, Pipeline, PipelineType, Platform

# The columns of a line of COPY, in this order.
RUN_COLUMNS = (
    "id", "created_at", "updated_at", "ingested_at", "pipeline_id", "external_run_id", "status", "started_at",
    "finished_at", "duration_seconds", "rows_processed", "error_message", "status_reason", "payload",
    "source_updated_at",
)  # fmt: skip
NULL = "\\N"  # in the text format of COPY
DAY_SECONDS = 86_400

# How often a pipeline runs, relative to the others, and the share of the pipelines with each value. The numbers are
# those of a run per week, per day, every six hours and per hour.
CADENCES, CADENCE_SHARES = (1 / 7, 1, 4, 24), (0.1, 0.6, 0.2, 0.1)
PLATFORM_SHARES = {
    Platform.AIRFLOW: 0.4,
    Platform.DBT: 0.2,
    Platform.CRON: 0.15,
    Platform.VENDOR_API: 0.15,
    Platform.CUSTOM: 0.1,
}
ENVIRONMENT_SHARES = {Environment.PROD: 0.75, Environment.STAGING: 0.15, Environment.DEV: 0.1}

FLAKY_SHARE = 0.06  # of the pipelines
INCIDENT_EVERY_DAYS = 12  # on average
INCIDENT_FAILURE_RATE = 0.9
FAILURE_RATE_AFTER_FAILURE = 0.5
STORED_LATE_SHARE = 0.02  # of the runs: stored hours after their end
LONG_RUN_SHARE = 0.01  # of the runs: eight times as long as usual
STUCK_SHARE = 0.0002  # of the runs: they stay running


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many clients, pipelines and runs to generate, and over how many days."""

    clients: int
    pipelines: int
    runs: int
    days: int


@dataclass(slots=True)
class _PipelineBehaviour:
    """How a pipeline behaves, and how many of its runs have been generated so far (`generated_count`).

    `first_start` is the start of its first run, in seconds since 1970. `log_seconds` is the mean and the standard
    deviation of the logarithm of a run's duration in seconds. `log_rows` is the range of the logarithm of a run's
    processed rows.
    """

    pipeline_id: str
    external_id: str
    platform: str
    run_count: int
    gap_seconds: float
    first_start: float
    failure_rate: float
    log_seconds: tuple[float, float]
    log_rows: tuple[float, float]
    generated_count: int = 0
    is_failing: bool = False


class History:
    """A history of the given sizes. `clients` and `pipelines` are unsaved objects; `blocks` generates the runs."""

    def __init__(self, sizes: Sizes, *, seed: int, until: datetime) -> None:
        self._random = Random(seed)  # noqa: S311 - not for secrets
        self._sizes = sizes
        self._until = int(until.timestamp())
        self._since = self._until - sizes.days * DAY_SECONDS
        self.clients = self._make_clients()
        self.pipelines = self._make_pipelines()
        self._behaviours = self._make_behaviours()

    def blocks(self) -> Iterator[tuple[int, str]]:
        """Yield blocks: a number of runs, and their lines in the text format of COPY.

        A block covers one day or less.
        """
        for number in range(self._sizes.days):
            day = self._since + number * DAY_SECONDS
            incident = self._incident(day)
            lines: list[str] = []
            for behaviour in self._behaviours:
                while (
                    behaviour.generated_count < behaviour.run_count
                    and behaviour.first_start + behaviour.generated_count * behaviour.gap_seconds < day + DAY_SECONDS
                ):
                    lines.append(self._copy_line(behaviour, incident))
                    behaviour.generated_count += 1
                if len(lines) >= 5_000:
                    yield len(lines), "".join(lines)
                    lines = []
            if lines:
                yield len(lines), "".join(lines)

    def _make_clients(self) -> list[Client]:
        names: set[str] = set()
        while len(names) < self._sizes.clients:
            first, second = self._random.choice(CLIENT_FIRST_WORDS), self._random.choice(CLIENT_SECOND_WORDS)
            names.add(f"{first} {second} {self._random.randrange(10_000):04}")
        return [
            Client(id=UUID(self._uuid_at(self._since)), name=name, is_active=self._random.random() > 0.1)
            for name in sorted(names)
        ]

    def _make_pipelines(self) -> list[Pipeline]:
        until = datetime.fromtimestamp(self._until, UTC)
        pipelines = []
        for number in range(self._sizes.pipelines):
            client = self.clients[number] if number < len(self.clients) else self._random.choice(self.clients)
            pipeline_type = self._random.choice(list(PipelineType))
            subject = self._random.choice(SUBJECTS)
            walked_at = until - timedelta(seconds=self._random.randrange(1, 60))
            is_stale = self._random.random() < 0.01
            pipelines.append(
                Pipeline(
                    id=UUID(self._uuid_at(self._since)),
                    client=client,
                    name=f"{subject.capitalize()} {WORK_WORDS[pipeline_type]} {number}",
                    platform=self._random_choice(PLATFORM_SHARES),
                    external_id=f"{subject}_{WORK_WORDS[pipeline_type]}_{number}"
                    if self._random.random() > 0.02
                    else None,
                    pipeline_type=pipeline_type,
                    environment=self._random_choice(ENVIRONMENT_SHARES),
                    is_active=self._random.random() > 0.05,
                    ingested_through=walked_at - timedelta(hours=5) if is_stale else walked_at,
                    ingest_due_at=walked_at - timedelta(hours=4) if is_stale else walked_at + timedelta(minutes=3),
                    last_ingest_at=walked_at,
                    last_ingest_error="GET /api/v2/dags/~/dagRuns answered 503" if is_stale else None,
                )
            )
        return pipelines

    def _make_behaviours(self) -> list[_PipelineBehaviour]:
        weights = self._random.choices(CADENCES, CADENCE_SHARES, k=len(self.pipelines))
        behaviours, weight_so_far, runs_so_far = [], 0.0, 0
        for pipeline, weight in zip(self.pipelines, weights, strict=True):
            # Round the sum so far and not each number, so that the numbers of runs add up to the total.
            weight_so_far += weight
            run_count = round(self._sizes.runs * weight_so_far / sum(weights)) - runs_so_far
            runs_so_far += run_count
            gap_seconds = self._sizes.days * DAY_SECONDS / max(run_count, 1)
            pipeline_type = PipelineType(pipeline.pipeline_type)
            is_flaky = self._random.random() < FLAKY_SHARE
            low, high = ROW_RANGES[pipeline_type]
            behaviours.append(
                _PipelineBehaviour(
                    pipeline_id=pipeline.id.hex,
                    external_id=pipeline.external_id or pipeline.name.replace(" ", "_").lower(),
                    platform=pipeline.platform,
                    run_count=run_count,
                    gap_seconds=gap_seconds,
                    first_start=self._since + self._random.random() * gap_seconds,
                    failure_rate=self._random.uniform(0.15, 0.4) if is_flaky else self._random.uniform(0.002, 0.02),
                    log_seconds=(
                        math.log(
                            min(TYPICAL_SECONDS[pipeline_type] * self._random.uniform(0.3, 3), gap_seconds * 0.5 + 1)
                        ),
                        0.3,
                    ),
                    log_rows=(math.log(low), math.log(high)),
                )
            )
        return behaviours

    def _incident(self, day: int) -> tuple[str, float, float] | None:
        """Return the platform, the start and the end of an incident on this day, or None."""
        if self._random.random() >= 1 / INCIDENT_EVERY_DAYS:
            return None
        begins = day + self._random.randrange(DAY_SECONDS * 3 // 4)
        return self._random_choice(PLATFORM_SHARES), begins, begins + self._random.randrange(90, 240) * 60

    def _copy_line(self, behaviour: _PipelineBehaviour, incident: tuple[str, float, float] | None) -> str:
        random = self._random.random
        planned_start = behaviour.first_start + behaviour.generated_count * behaviour.gap_seconds
        start = min(int(planned_start + random() * behaviour.gap_seconds * 0.05), self._until - 1)
        in_incident = incident is not None and incident[0] == behaviour.platform and incident[1] <= start < incident[2]
        failure_rate = (
            INCIDENT_FAILURE_RATE
            if in_incident
            else FAILURE_RATE_AFTER_FAILURE
            if behaviour.is_failing
            else behaviour.failure_rate
        )
        behaviour.is_failing = random() < failure_rate
        seconds = int(math.exp(self._random.gauss(*behaviour.log_seconds)))
        if random() < LONG_RUN_SHARE:
            seconds *= 8
        end = start + seconds
        error = reason = duration = processed_rows = NULL
        started, finished, version = _copy_time(start), _copy_time(end), end
        if end > self._until or random() < STUCK_SHARE:
            status, finished, version = "running", NULL, start
        elif behaviour.is_failing:
            status = "failed"
            error, reason = INCIDENT_ERROR if in_incident else self._random.choice(ERRORS)
            duration = str(seconds)
        elif (random_share := random()) < 0.01:
            status, reason, duration = "canceled", "stopped by hand", str(seconds)
        elif random_share < 0.02:
            status, reason, started, finished, version = "skipped", "nothing new to read", NULL, NULL, start
        elif random_share < 0.025:
            status, started = "success", NULL
        else:
            status, duration = "success", str(seconds)
            if random_share < 0.8:
                low, high = behaviour.log_rows
                processed_rows = str(int(math.exp(low + (high - low) * random())))
        delay = self._random.randrange(3_600, 2 * DAY_SECONDS) if random() < STORED_LATE_SHARE else 20
        stored = max(min(version + delay, self._until), start)
        return "\t".join((
            self._uuid_at(stored), _copy_time(stored), _copy_time(stored), _copy_time(stored), behaviour.pipeline_id,
            f"{behaviour.external_id}.{behaviour.generated_count}", status, started, finished, duration, processed_rows,
            error, reason, _payload(behaviour, planned_start), _copy_time(version),
        )) + "\n"  # fmt: skip

    def _uuid_at(self, moment: int) -> str:
        """Return a UUID of version 7 for this time, in hexadecimal."""
        bits = self._random.getrandbits(74)
        return f"{(moment * 1000) << 80 | 7 << 76 | (bits >> 62) << 64 | 2 << 62 | bits & (1 << 62) - 1:032x}"

    def _random_choice(self, shares: dict[str, float] | dict[Platform, float] | dict[Environment, float]) -> str:
        return str(self._random.choices(list(shares), list(shares.values()))[0])


def _copy_time(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)}+00"


def _payload(behaviour: _PipelineBehaviour, planned_start: float) -> str:
    return json.dumps(
        {
            "dag_id": behaviour.external_id,
            "logical_date": _copy_time(int(planned_start)),
            "run_type": "scheduled",
            "triggered_by": "timetable",
            "conf": {},
            "queue": "default",
            "try_number": 1,
            "bundle_version": None,
        },
        separators=(",", ":"),
    )
