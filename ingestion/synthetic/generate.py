"""Generate the rows of a data set from a seed. The same plan gives the same rows, on any machine and at any time.

The data contains:

- a few flaky pipelines, and a pipeline that stopped running,
- pipelines without an external id or an alert rule,
- runs that are open at the end, and some dbt transforms that take long,
- an incident a few days before the end: all runs of pipelines with the platform vendor_api fail, also when they are
  tried again.
"""

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from ingestion.synthetic.dataset import Row, key_of, stable_id, time_text
from ingestion.synthetic.vocabulary import (
    CHANNELS,
    CLIENT_FIRST_WORDS,
    CLIENT_SECOND_WORDS,
    ERRORS,
    INCIDENT_ERROR,
    ROW_RANGES,
    RULE_TYPES,
    SUBJECTS,
    TYPICAL_SECONDS,
    WORK_WORDS,
)

DAY_SECONDS = 86_400

INACTIVE_CLIENTS_SHARE = 0.2
INACTIVE_PIPELINES_SHARE = 0.05
NO_EXTERNAL_ID_SHARE = 0.05
PLATFORM_SHARES = {"airflow": 0.25, "dbt": 0.25, "vendor_api": 0.22, "cron": 0.14, "custom": 0.14}
TYPES_OF_PLATFORM = {
    "airflow": ("ingestion", "transform", "quality", "export"),
    "dbt": ("transform", "transform", "quality", "transform"),
    "vendor_api": ("ingestion", "export", "ingestion"),
    "cron": ("healthcheck", "export", "ingestion"),
    "custom": ("quality", "healthcheck", "ingestion", "export"),
}
ENVIRONMENT_SHARES = {"prod": 0.75, "staging": 0.15, "dev": 0.1}
DISABLED_RULES_SHARE = 0.1

# How often a pipeline runs, relative to the other pipelines. The first pipeline gets the first value, and so on; after
# the last value the values start again.
CADENCES = (1.0, 0.5, 1.0, 0.3, 0.5, 0.15)
FLAKY_SHARE = 0.07
# The failure rate of a flaky pipeline is a random value in the first range, that of other pipelines in the second
# range.
FLAKY_FAILURE_RATE = (0.25, 0.35)
STEADY_FAILURE_RATE = (0.02, 0.05)
FAILURE_RATE_AFTER_FAILURE = 0.5
CANCELED_SHARE = 0.015
SKIPPED_SHARE = 0.015
LONG_RUN_SHARE = 0.08  # of the runs of dbt transforms
LONG_RUN_FACTOR = (6, 20)  # a long run takes between 6 and 20 times as long
OPEN_SHARE = 0.1  # of the pipelines: their last run is running at the end
BREAKING_SHARE = 0.07  # of the pipelines: they start to fail a few hours before the end
# One pipeline stops: the time from its last run to the end is at least this many times its usual gap.
SILENT_GAPS = 5

INCIDENT_MINUTES = (90, 120)
INCIDENT_SECONDS_BEFORE_END = 3 * DAY_SECONDS
RETRY_SECONDS = (1_200, 1_800)  # the time from a failed run of the incident to the next one


@dataclass(frozen=True, slots=True)
class Plan:
    """The seed, the size and the end of a data set. It ends at midnight UTC at the start of the date `end`."""

    seed: int = 1
    clients: int = 12
    pipelines: int = 44
    rules: int = 35
    runs: int = 2_500
    days: int = 123
    end: str = "2026-11-01"

    @property
    def until(self) -> int:
        return int(datetime.fromisoformat(self.end).replace(tzinfo=UTC).timestamp())

    @property
    def since(self) -> int:
        return self.until - self.days * DAY_SECONDS

    def random(self, subject: str) -> Random:
        """Return a random generator for one subject, so that a change of one subject does not change other subjects."""
        # Random hashes a text with SHA-512, so that the values are the same in every process.
        return Random(f"{self.seed} {subject}")  # noqa: S311 - not for secrets

    def incident(self) -> tuple[int, int]:
        """Return the start and the end of the incident, in seconds since 1970."""
        random = self.random("incident")
        begins_at = (
            self.until - min(INCIDENT_SECONDS_BEFORE_END, self.days * DAY_SECONDS // 2) + random.randrange(60) * 60
        )
        return begins_at, begins_at + random.randint(*INCIDENT_MINUTES) * 60


def make_clients(plan: Plan) -> list[Row]:
    random = plan.random("clients")
    names = [f"{first} {second}" for first in CLIENT_FIRST_WORDS for second in CLIENT_SECOND_WORDS]
    random.shuffle(names)
    # If there are more clients than names, the names are used again with a number.
    rounds = itertools.count(1)
    endless_names = (f"{name} {number}" if number > 1 else name for number in rounds for name in names)
    selected = list(itertools.islice(endless_names, plan.clients))
    inactive = set(random.sample(selected, round(plan.clients * INACTIVE_CLIENTS_SHARE)))
    rows = [{"name": name, "is_active": _boolean(name not in inactive)} for name in selected]
    return _with_ids("clients", "client_id", rows)


def make_pipelines(plan: Plan, clients: Sequence[Row]) -> list[Row]:
    random = plan.random("pipelines")
    platforms = _values_by_share(PLATFORM_SHARES, plan.pipelines)
    environments = _values_by_share(ENVIRONMENT_SHARES, plan.pipelines)
    random.shuffle(environments)
    types = {platform: itertools.cycle(kinds) for platform, kinds in TYPES_OF_PLATFORM.items()}
    inactive = random.sample(range(plan.pipelines), round(plan.pipelines * INACTIVE_PIPELINES_SHARE))
    without_id = random.sample(range(plan.pipelines), round(plan.pipelines * NO_EXTERNAL_ID_SHARE))
    used_names: set[tuple[str, str]] = set()
    rows = []
    for number, platform in enumerate(platforms):
        # Each of the first pipelines belongs to another client, so that every client has a pipeline.
        client = clients[number] if number < len(clients) else random.choice(clients)
        pipeline_type = next(types[platform])
        subject = random.choice(SUBJECTS)
        name = f"{subject.capitalize()} {WORK_WORDS[pipeline_type]}"
        for count in itertools.count(2):
            if (client["client_id"], name) not in used_names:
                break
            name = f"{subject.capitalize()} {WORK_WORDS[pipeline_type]} {count}"
        used_names.add((client["client_id"], name))
        rows.append(
            {
                "client_id": client["client_id"],
                "name": name,
                "platform": platform,
                "external_id": "" if number in without_id else f"{_slug(client['name'])}.{_slug(name)}",
                "pipeline_type": pipeline_type,
                "description": f"{WORK_WORDS[pipeline_type].capitalize()} of {subject} for {client['name']}",
                "environment": environments[number],
                "is_active": _boolean(number not in inactive),
            }
        )
    return _with_ids("pipelines", "pipeline_id", rows)


def make_rules(plan: Plan, clients: Sequence[Row], pipelines: Sequence[Row]) -> list[Row]:
    """Return the alert rules. Raise ValueError if the inventory does not allow this many different rules."""
    random = plan.random("alert rules")
    names = {client["client_id"]: client["name"] for client in clients}
    scopes = [(client["client_id"], "") for client in clients]
    scopes += [("", pipeline["pipeline_id"]) for pipeline in pipelines]
    owners = {pipeline["pipeline_id"]: pipeline["client_id"] for pipeline in pipelines}
    possible_rules = list(itertools.product(scopes, RULE_TYPES, CHANNELS))
    if plan.rules > len(possible_rules):
        raise ValueError(
            f"{plan.rules} alert rules are more than the {len(possible_rules)} different ones that are possible"
        )
    rows = []
    for (client_id, pipeline_id), rule_type, channel in random.sample(possible_rules, plan.rules):
        slug = _slug(names[client_id or owners[pipeline_id]])
        in_window = rule_type == "failures_in_window"
        rows.append(
            {
                "client_id": client_id,
                "pipeline_id": pipeline_id,
                "rule_type": rule_type,
                "threshold": str(random.choice((2, 3, 5))) if in_window else "",
                "window_minutes": str(random.choice((60, 240, 1_440))) if in_window else "",
                "channel": channel,
                "destination": {
                    "slack": f"#data-{slug}",
                    "email": f"data-oncall@{slug}.example",
                    "webhook": f"https://hooks.example.com/{slug}",
                }[channel],
                "is_enabled": _boolean(random.random() >= DISABLED_RULES_SHARE),
            }
        )
    return _with_ids("alert_rules", "rule_id", rows)


def make_runs(plan: Plan, clients: Sequence[Row], pipelines: Sequence[Row]) -> list[Row]:
    """Return the runs, ordered by their starts. Raise ValueError without pipelines.

    1. Choose the starts of special runs: the runs of the incident, the runs that are open at the end, and the first
       failures of pipelines that begin to fail. The planned number of runs includes these runs.
    2. Distribute the other starts over the pipelines by cadence, at regular times for each pipeline.
    3. Generate the runs for these starts.
    """
    if not pipelines:
        raise ValueError("runs need at least one pipeline")
    random = plan.random("runs")
    active = {client["client_id"] for client in clients if client["is_active"] == "true"}
    ingested = [
        number
        for number, pipeline in enumerate(pipelines)
        if pipeline["is_active"] == "true" and pipeline["client_id"] in active and pipeline["external_id"]
    ]
    starts: dict[int, list[int]] = {number: [] for number in range(len(pipelines))}
    incident_runs = list(itertools.islice(_incident_starts(plan, pipelines, random), plan.runs // 4))
    open_count = min(len(ingested), round(len(pipelines) * OPEN_SHARE), plan.runs - len(incident_runs))
    still_open = {number: plan.until - random.randrange(120, 540) for number in random.sample(ingested, open_count)}
    cadences = [CADENCES[number % len(CADENCES)] for number in range(len(pipelines))]
    unaffected = [
        number for number in ingested if number not in still_open and pipelines[number]["platform"] != "vendor_api"
    ]
    silent = max(unaffected, key=lambda number: (cadences[number], -number), default=-1)
    healthy = [number for number in unaffected if number != silent]
    runs_left = plan.runs - len(incident_runs) - len(still_open)
    breaking_count = min(len(healthy), round(len(pipelines) * BREAKING_SHARE), runs_left)
    breaking = {
        number: plan.until - random.randrange(3_600, DAY_SECONDS // 3)
        for number in random.sample(healthy, breaking_count)
    }
    flaky = set(random.sample(ingested, round(len(ingested) * FLAKY_SHARE)))
    counts = _split_by_weight(runs_left - len(breaking), cadences)
    for number, count in enumerate(counts):
        span = plan.days * DAY_SECONDS
        gap = span / (count + SILENT_GAPS if number == silent else max(count, 1))
        first = plan.since + random.random() * gap * 0.5
        starts[number] = [int(first + turn * gap + random.random() * gap * 0.02) for turn in range(count)]
    for number, start in [*incident_runs, *still_open.items(), *breaking.items()]:
        starts[number].append(start)
    rows: list[Row] = []
    for number, pipeline in enumerate(pipelines):
        failure_rate = random.uniform(*(FLAKY_FAILURE_RATE if number in flaky else STEADY_FAILURE_RATE))
        rows += _runs_of(
            plan, pipeline, sorted(starts[number]), failure_rate, still_open.get(number), breaking.get(number), random
        )
    return sorted(rows, key=lambda row: (row["started_at"], row["pipeline_id"], row["external_run_id"]))


def _incident_starts(plan: Plan, pipelines: Sequence[Row], random: Random) -> Iterator[tuple[int, int]]:
    """Yield for each run during the incident the number of its pipeline and its start."""
    begins, ends = plan.incident()
    for number, pipeline in enumerate(pipelines):
        if pipeline["platform"] == "vendor_api":
            start = begins + random.randrange(60, 600)
            while start < ends:
                yield number, start
                start += random.randint(*RETRY_SECONDS)


def _runs_of(
    plan: Plan,
    pipeline: Row,
    starts: Sequence[int],
    failure_rate: float,
    open_run_start: int | None,
    first_failure_start: int | None,
    random: Random,
) -> Iterator[Row]:
    pipeline_type, platform = pipeline["pipeline_type"], pipeline["platform"]
    begins, ends = plan.incident()
    low, high = (math.log(bound) for bound in ROW_RANGES[pipeline_type])
    typical_log_seconds = math.log(TYPICAL_SECONDS[pipeline_type] * random.uniform(0.5, 2))
    is_failing = False
    for number, start in enumerate(starts):
        in_incident = platform == "vendor_api" and begins <= start < ends
        is_failing = (
            in_incident
            or start == first_failure_start
            or random.random() < (FAILURE_RATE_AFTER_FAILURE if is_failing else failure_rate)
        )
        seconds = max(1, int(math.exp(random.gauss(typical_log_seconds, 0.25))))
        if platform == "dbt" and pipeline_type == "transform" and random.random() < LONG_RUN_SHARE:
            seconds = int(seconds * random.uniform(*LONG_RUN_FACTOR))
        processed_rows = str(int(math.exp(random.uniform(low, high))))
        status, error, reason = "success", "", ""
        if start == open_run_start or start + seconds > plan.until:
            status, processed_rows = "running", ""
        elif is_failing:
            status, processed_rows = "failed", ""
            error, reason = INCIDENT_ERROR if in_incident else random.choice(ERRORS)
        elif (random_share := random.random()) < CANCELED_SHARE:
            status, reason, processed_rows = "canceled", "stopped by hand", ""
        elif random_share < CANCELED_SHARE + SKIPPED_SHARE:
            status, reason, processed_rows, seconds = "skipped", "nothing new to read", "", 0
        finished = "" if status == "running" else time_text(start + seconds)
        payload = {"attempt": number + 1, "platform": platform, "triggered_by": "retry" if in_incident else "schedule"}
        yield {
            "pipeline_id": pipeline["pipeline_id"],
            "external_run_id": f"{pipeline['external_id'] or _slug(pipeline['name'])}.{number + 1:05}",
            "status": status,
            "started_at": time_text(start),
            "finished_at": finished,
            "duration_seconds": str(seconds) if finished else "",
            "rows_processed": processed_rows,
            "error_message": error,
            "status_reason": reason,
            "payload": json.dumps(payload, separators=(",", ":")),
            "updated_at": finished or time_text(start),
        }


def _split_by_weight(total: int, weights: Sequence[float]) -> list[int]:
    """Return whole numbers in proportion to the weights. Their sum is the total."""
    counts: list[int] = []
    weight_so_far = 0.0
    for weight in weights:
        weight_so_far += weight
        # Round the sum so far and not each number, so that the numbers add up to the total.
        counts.append(round(total * weight_so_far / sum(weights)) - sum(counts))
    return counts


def _values_by_share(shares: dict[str, float], total: int) -> list[str]:
    """Return `total` values in proportion to their shares, evenly mixed.

    Example: for the shares a 0.5, b 0.25 and c 0.25, the first four values have a twice, and b and c once.
    """
    counts: dict[str, int] = dict.fromkeys(shares, 0)
    values = []
    for number in range(total):
        value = max(shares, key=lambda value: shares[value] * (number + 1) - counts[value])
        counts[value] += 1
        values.append(value)
    return values


def _with_ids(kind: str, column: str, rows: list[Row]) -> list[Row]:
    rows.sort(key=lambda row: key_of(kind, row))
    return [{column: stable_id(kind, key_of(kind, row)), **row} for row in rows]


def _slug(name: str) -> str:
    return "-".join(name.lower().split())


def _boolean(value: bool) -> str:
    return "true" if value else "false"
