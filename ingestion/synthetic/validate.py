"""Check a data set, and list each fault with its file, line and field."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from ingestion.synthetic.dataset import BASE_KINDS, ID_COLUMN, Dataset, DataSetTable, Problem, Row, key_of, read_time
from ingestion.synthetic.vocabulary import CHANNELS, ENVIRONMENTS, PIPELINE_TYPES, PLATFORMS, RULE_TYPES, STATUSES

MAX_NAME, MAX_DESTINATION = 255, 512
MAX_INTEGER, MAX_BIGINT = 2**31 - 1, 2**63 - 1

# A field, and what is wrong with it.
Fault = tuple[str, str]


def validate(data: Dataset, *, until: datetime | None = None, registry: bool = True) -> list[Problem]:
    """Return all faults. No run may be after `until`. With `registry`, ids must match context/id_registry.csv."""
    checker = _Checker(until)
    tables = {kind: data.read(data.base(kind), kind) for kind in BASE_KINDS}
    batches = [data.read(path, "runs") for path in data.batches()]
    problems = []
    for kind, table in tables.items():
        problems += checker.check(table, _CHECKS[kind])
    if not batches:
        problems.append(Problem("batches", 0, "", "there is no file runs_*.csv"))
    for table in batches:
        problems += checker.check(table, _Checker.run)
    if registry:
        problems += _registry(data, tables)
    return problems


class _Checker:
    """Checks one row after the other. Remembers ids, which later rows may refer to, and keys that must be unique."""

    def __init__(self, until: datetime | None) -> None:
        self._until = until
        self._clients: set[str] = set()
        self._pipelines: set[str] = set()
        self._seen: dict[tuple[str, ...], str] = {}

    def check(self, table: DataSetTable, faults: "Callable[[_Checker, Row, str], Iterator[Fault]]") -> list[Problem]:
        problems = list(table.problems)
        if any(problem.line <= 1 for problem in problems):
            return problems  # the rows cannot be checked without their columns
        for line, row in table.rows:
            where = f"{table.file}:{line}"
            problems += [Problem(table.file, line, field, problem) for field, problem in faults(self, row, where)]
        return sorted(problems, key=lambda problem: problem.line)

    def client(self, row: Row, where: str) -> Iterator[Fault]:
        yield from _text(row, "name", MAX_NAME)
        yield from _choice(row, "is_active", ("true", "false"))
        yield from self._id(row, "client_id", where)
        yield from self._unique(("client name", row["name"]), "name", where)
        self._clients.add(row["client_id"])

    def pipeline(self, row: Row, where: str) -> Iterator[Fault]:
        yield from _text(row, "name", MAX_NAME)
        yield from _text(row, "external_id", MAX_NAME, required=False)
        for field, choices in (
            ("platform", PLATFORMS), ("pipeline_type", PIPELINE_TYPES), ("environment", ENVIRONMENTS),
            ("is_active", ("true", "false")),
        ):  # fmt: skip
            yield from _choice(row, field, choices)
        yield from self._id(row, "pipeline_id", where)
        yield from self._refers(row, "client_id", self._clients, "client")
        yield from self._unique(("pipeline name", row["client_id"], row["name"]), "name", where)
        if row["external_id"]:
            key = ("external id", row["client_id"], row["platform"], row["external_id"])
            yield from self._unique(key, "external_id", where)
        self._pipelines.add(row["pipeline_id"])

    def rule(self, row: Row, where: str) -> Iterator[Fault]:
        yield from _choice(row, "rule_type", RULE_TYPES)
        yield from _choice(row, "channel", CHANNELS)
        yield from _choice(row, "is_enabled", ("true", "false"))
        yield from _text(row, "destination", MAX_DESTINATION)
        yield from self._id(row, "rule_id", where)
        yield from self._refers(row, "client_id", self._clients, "client", required=False)
        yield from self._refers(row, "pipeline_id", self._pipelines, "pipeline", required=False)
        if not row["client_id"] and not row["pipeline_id"]:
            yield "client_id", "a rule needs a client, a pipeline, or both"
        for field in ("threshold", "window_minutes"):
            if row["rule_type"] == "failures_in_window" and not row[field]:
                yield field, "is required for failures_in_window"
            yield from _number(row, field, 1, MAX_INTEGER)
        if row["is_enabled"] == "true":
            scope = row["pipeline_id"] or row["client_id"]
            key = ("enabled rule", scope, row["rule_type"], row["channel"], row["destination"])
            yield from self._unique(key, "destination", where)

    def run(self, row: Row, where: str) -> Iterator[Fault]:
        yield from _text(row, "external_run_id", MAX_NAME)
        yield from _choice(row, "status", STATUSES)
        yield from self._refers(row, "pipeline_id", self._pipelines, "pipeline")
        yield from self._unique(("run", row["pipeline_id"], row["external_run_id"]), "external_run_id", where)
        times: dict[str, datetime] = {}
        for field in ("started_at", "finished_at", "updated_at"):
            if row[field]:
                try:
                    times[field] = read_time(row[field])
                except ValueError:
                    yield field, f"{_short(row[field])} is not a time in UTC, such as 2026-10-31T23:59:59Z"
        yield from self._consistency(row, times)
        yield from _number(row, "duration_seconds", 0, MAX_INTEGER)
        yield from _number(row, "rows_processed", 0, MAX_BIGINT)
        started, finished = times.get("started_at"), times.get("finished_at")
        if started and finished and started <= finished and row["duration_seconds"].isdecimal():
            seconds = int((finished - started).total_seconds())
            if int(row["duration_seconds"]) != seconds:
                yield "duration_seconds", f"is not the {seconds} seconds from started_at to finished_at"
        if row["payload"]:
            try:
                payload: object = json.loads(row["payload"])
            except (ValueError, RecursionError):
                payload = None
            if not isinstance(payload, dict):
                yield "payload", "is not a JSON object"

    def _consistency(self, row: Row, times: Mapping[str, datetime]) -> Iterator[Fault]:
        status, finished = row["status"], times.get("finished_at")
        for field in ("started_at", "updated_at"):
            if not row[field]:
                yield field, "is empty"
        if status == "running" and row["finished_at"]:
            yield "finished_at", "must be empty for the status running"
        if status in STATUSES and status != "running" and not row["finished_at"]:
            yield "finished_at", f"is required for the status {status}"
        if status == "failed":
            for field in ("error_message", "status_reason"):
                if not row[field]:
                    yield field, "is required for a failed run"
        elif row["error_message"]:
            yield "error_message", f"must be empty for the status {status}"
        if finished and "started_at" in times and finished < times["started_at"]:
            yield "finished_at", "is before started_at"
        last = finished or times.get("started_at")
        if last and "updated_at" in times and times["updated_at"] < last:
            yield "updated_at", f"is before {'finished_at' if finished else 'started_at'}"
        for field, moment in times.items():
            if self._until and moment > self._until:
                yield field, f"is after the end of the data set, {self._until:%Y-%m-%d}"

    def _id(self, row: Row, field: str, where: str) -> Iterator[Fault]:
        if not _is_uuid(row[field]):
            yield field, f"{_short(row[field])} is not a UUID"
        else:
            yield from self._unique(("id", row[field]), field, where)

    def _refers(self, row: Row, field: str, ids: set[str], kind: str, *, required: bool = True) -> Iterator[Fault]:
        if row[field] not in ids and (row[field] or required):
            yield field, f"there is no {kind} {_short(row[field])}"

    def _unique(self, key: tuple[str, ...], field: str, where: str) -> Iterator[Fault]:
        if (first := self._seen.setdefault(key, where)) != where:
            yield field, f"{_short(key[-1])} is already used in {first}"


_CHECKS: dict[str, Callable[[_Checker, Row, str], Iterator[Fault]]] = {
    "clients": _Checker.client,
    "pipelines": _Checker.pipeline,
    "alert_rules": _Checker.rule,
}


def _registry(data: Dataset, tables: Mapping[str, DataSetTable]) -> list[Problem]:
    """Return the faults of the registry, which lists each client and pipeline once with its id and key."""
    registry = data.read(data.registry, "id_registry")
    if registry.problems:
        return registry.problems
    registered = {(row["entity"], row["id"]): (line, row["key"]) for line, row in registry.rows}
    problems = []
    for kind in ("clients", "pipelines"):
        for line, row in tables[kind].rows if not tables[kind].problems else ():
            _, key = registered.pop((kind, row[ID_COLUMN[kind]]), (0, None))
            if key != key_of(kind, row):
                message = "is not in the id registry" if key is None else f"the id registry has it as {_short(key)}"
                problems.append(Problem(tables[kind].file, line, ID_COLUMN[kind], message))
    if not any(tables[kind].problems for kind in ("clients", "pipelines")):
        for line, key in registered.values():
            problems.append(Problem(registry.file, line, "id", f"{_short(key)} is in no base file"))
    return problems


def _text(row: Row, field: str, max_length: int, *, required: bool = True) -> Iterator[Fault]:
    if not row[field] and required:
        yield field, "is empty"
    if len(row[field]) > max_length:
        yield field, f"is longer than {max_length} characters"
    if "\0" in row[field]:
        yield field, "contains a NUL character"  # PostgreSQL cannot store it


def _choice(row: Row, field: str, choices: tuple[str, ...]) -> Iterator[Fault]:
    if row[field] not in choices:
        yield field, f"{_short(row[field])} is not one of: {', '.join(choices)}"


def _number(row: Row, field: str, minimum: int, maximum: int) -> Iterator[Fault]:
    value = row[field]
    # The length is checked first, because int() refuses texts of more than 4,300 digits.
    if value and not (value.isascii() and value.isdecimal() and len(value) < 20 and minimum <= int(value) <= maximum):
        yield field, f"{_short(value)} is not a whole number from {minimum} to {maximum}"


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:79] + "…"
