"""Check a data set, and list each fault with its file, line and field."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from ingestion.synthetic.dataset import BASE_TABLES, ID_COLUMN, Dataset, DatasetTable, Fault, Row, key_of, read_time
from ingestion.synthetic.vocabulary import CHANNELS, ENVIRONMENTS, PIPELINE_TYPES, PLATFORMS, RULE_TYPES, STATUSES

MAX_NAME, MAX_DESTINATION = 255, 512
MAX_INTEGER, MAX_BIGINT = 2**31 - 1, 2**63 - 1

# The name of a field, and a message that says what is wrong with its value.
FieldFault = tuple[str, str]


def validate(data: Dataset, *, until: datetime | None = None, ids_must_be_registered: bool = True) -> list[Fault]:
    """Return all faults. A time of a run after `until` is a fault.

    With `ids_must_be_registered`, context/id_registry.csv must list exactly the ids of the clients and pipelines.
    """
    checker = _Checker(until)
    tables = {kind: data.read(data.base_file(kind), kind) for kind in BASE_TABLES}
    runs_tables = [data.read(path, "runs") for path in data.runs_files()]
    faults = []
    for kind, table in tables.items():
        faults += checker.check(table, _FAULTS_OF_TABLE[kind])
    if not runs_tables:
        faults.append(Fault("batches", 0, "", "there is no file runs_*.csv"))
    for table in runs_tables:
        faults += checker.check(table, _Checker.run_faults)
    if ids_must_be_registered:
        faults += _id_registry_faults(data, tables)
    return faults


class _Checker:
    """Checks one row after the other.

    It remembers the ids, because later rows refer to them. It also remembers the keys, because they must be unique.
    """

    def __init__(self, until: datetime | None) -> None:
        self._until = until
        self._client_ids: set[str] = set()
        self._pipeline_ids: set[str] = set()
        self._place_of_key: dict[tuple[str, ...], str] = {}  # each unique key, with the file and line of its first row

    def check(
        self, table: DatasetTable, faults_of_row: "Callable[[_Checker, Row, str], Iterator[FieldFault]]"
    ) -> list[Fault]:
        faults = list(table.faults)
        if any(fault.line <= 1 for fault in faults):
            return faults  # the rows cannot be checked without their columns
        for line, row in table.rows:
            where = f"{table.file}:{line}"
            faults += [Fault(table.file, line, field, message) for field, message in faults_of_row(self, row, where)]
        return sorted(faults, key=lambda fault: fault.line)

    def client_faults(self, row: Row, where: str) -> Iterator[FieldFault]:
        yield from _text_faults(row, "name", MAX_NAME)
        yield from _choice_faults(row, "is_active", ("true", "false"))
        yield from self._id_faults(row, "client_id", where)
        yield from self._uniqueness_faults(("client name", row["name"]), "name", where)
        self._client_ids.add(row["client_id"])

    def pipeline_faults(self, row: Row, where: str) -> Iterator[FieldFault]:
        yield from _text_faults(row, "name", MAX_NAME)
        yield from _text_faults(row, "external_id", MAX_NAME, required=False)
        for field, choices in (
            ("platform", PLATFORMS), ("pipeline_type", PIPELINE_TYPES), ("environment", ENVIRONMENTS),
            ("is_active", ("true", "false")),
        ):  # fmt: skip
            yield from _choice_faults(row, field, choices)
        yield from self._id_faults(row, "pipeline_id", where)
        yield from self._reference_faults(row, "client_id", self._client_ids, "client")
        yield from self._uniqueness_faults(("pipeline name", row["client_id"], row["name"]), "name", where)
        if row["external_id"]:
            key = ("external id", row["client_id"], row["platform"], row["external_id"])
            yield from self._uniqueness_faults(key, "external_id", where)
        self._pipeline_ids.add(row["pipeline_id"])

    def rule_faults(self, row: Row, where: str) -> Iterator[FieldFault]:
        yield from _choice_faults(row, "rule_type", RULE_TYPES)
        yield from _choice_faults(row, "channel", CHANNELS)
        yield from _choice_faults(row, "is_enabled", ("true", "false"))
        yield from _text_faults(row, "destination", MAX_DESTINATION)
        yield from self._id_faults(row, "rule_id", where)
        yield from self._reference_faults(row, "client_id", self._client_ids, "client", required=False)
        yield from self._reference_faults(row, "pipeline_id", self._pipeline_ids, "pipeline", required=False)
        if not row["client_id"] and not row["pipeline_id"]:
            yield "client_id", "a rule needs a client, a pipeline, or both"
        for field in ("threshold", "window_minutes"):
            if row["rule_type"] == "failures_in_window" and not row[field]:
                yield field, "is required for failures_in_window"
            yield from _number_faults(row, field, 1, MAX_INTEGER)
        if row["is_enabled"] == "true":
            scope = row["pipeline_id"] or row["client_id"]
            key = ("enabled rule", scope, row["rule_type"], row["channel"], row["destination"])
            yield from self._uniqueness_faults(key, "destination", where)

    def run_faults(self, row: Row, where: str) -> Iterator[FieldFault]:
        yield from _text_faults(row, "external_run_id", MAX_NAME)
        yield from _choice_faults(row, "status", STATUSES)
        yield from self._reference_faults(row, "pipeline_id", self._pipeline_ids, "pipeline")
        yield from self._uniqueness_faults(
            ("run", row["pipeline_id"], row["external_run_id"]), "external_run_id", where
        )
        times: dict[str, datetime] = {}
        for field in ("started_at", "finished_at", "updated_at"):
            if row[field]:
                try:
                    times[field] = read_time(row[field])
                except ValueError:
                    yield field, f"{_short_json(row[field])} is not a time in UTC, such as 2026-10-31T23:59:59Z"
        yield from self._consistency_faults(row, times)
        yield from _number_faults(row, "duration_seconds", 0, MAX_INTEGER)
        yield from _number_faults(row, "rows_processed", 0, MAX_BIGINT)
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

    def _consistency_faults(self, row: Row, times: Mapping[str, datetime]) -> Iterator[FieldFault]:
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

    def _id_faults(self, row: Row, field: str, where: str) -> Iterator[FieldFault]:
        if not _is_uuid(row[field]):
            yield field, f"{_short_json(row[field])} is not a UUID"
        else:
            yield from self._uniqueness_faults(("id", row[field]), field, where)

    def _reference_faults(
        self, row: Row, field: str, ids: set[str], kind: str, *, required: bool = True
    ) -> Iterator[FieldFault]:
        if row[field] not in ids and (row[field] or required):
            yield field, f"there is no {kind} {_short_json(row[field])}"

    def _uniqueness_faults(self, key: tuple[str, ...], field: str, where: str) -> Iterator[FieldFault]:
        if (first_place := self._place_of_key.setdefault(key, where)) != where:
            yield field, f"{_short_json(key[-1])} is already used in {first_place}"


_FAULTS_OF_TABLE: dict[str, Callable[[_Checker, Row, str], Iterator[FieldFault]]] = {
    "clients": _Checker.client_faults,
    "pipelines": _Checker.pipeline_faults,
    "alert_rules": _Checker.rule_faults,
}


def _id_registry_faults(data: Dataset, tables: Mapping[str, DatasetTable]) -> list[Fault]:
    """Return the faults of the registry, which lists each client and pipeline once with its id and key."""
    registry = data.read(data.registry_file, "id_registry")
    if registry.faults:
        return registry.faults
    registered = {(row["entity"], row["id"]): (line, row["key"]) for line, row in registry.rows}
    faults = []
    for kind in ("clients", "pipelines"):
        for line, row in tables[kind].rows if not tables[kind].faults else ():
            _, key = registered.pop((kind, row[ID_COLUMN[kind]]), (0, None))
            if key != key_of(kind, row):
                message = (
                    "is not in the id registry" if key is None else f"the id registry has it as {_short_json(key)}"
                )
                faults.append(Fault(tables[kind].file, line, ID_COLUMN[kind], message))
    if not any(tables[kind].faults for kind in ("clients", "pipelines")):
        for line, key in registered.values():
            faults.append(Fault(registry.file, line, "id", f"{_short_json(key)} is in no base file"))
    return faults


def _text_faults(row: Row, field: str, max_length: int, *, required: bool = True) -> Iterator[FieldFault]:
    if not row[field] and required:
        yield field, "is empty"
    if len(row[field]) > max_length:
        yield field, f"is longer than {max_length} characters"
    if "\0" in row[field]:
        yield field, "contains a NUL character"  # PostgreSQL cannot store it


def _choice_faults(row: Row, field: str, choices: tuple[str, ...]) -> Iterator[FieldFault]:
    if row[field] not in choices:
        yield field, f"{_short_json(row[field])} is not one of: {', '.join(choices)}"


def _number_faults(row: Row, field: str, minimum: int, maximum: int) -> Iterator[FieldFault]:
    value = row[field]
    # The length is checked first, because int() refuses texts of more than 4,300 digits.
    if value and not (value.isascii() and value.isdecimal() and len(value) < 20 and minimum <= int(value) <= maximum):
        yield field, f"{_short_json(value)} is not a whole number from {minimum} to {maximum}"


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _short_json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:79] + "…"
