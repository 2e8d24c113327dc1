"""A data set on disk: the CSV contract, reading that keeps line numbers, and writing that never leaves half a file.

    base/clients.csv  base/pipelines.csv  base/alert_rules.csv
    batches/runs_YYYY-MM.csv
    context/id_registry.csv  context/session_state.json  context/validation_report.csv

UTF-8, comma, a header line, LF. An empty field is null; booleans are true and false; times are ISO 8601 in UTC with a
trailing Z; `payload` is a JSON object. Ids are UUIDs, and refer from file to file.
"""

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from chm_project.settings import places

Row = dict[str, str]

COLUMNS = {
    "clients": ("client_id", "name", "is_active"),
    "pipelines": (
        "pipeline_id", "client_id", "name", "platform", "external_id", "pipeline_type", "description", "environment",
        "is_active",
    ),
    "alert_rules": (
        "rule_id", "client_id", "pipeline_id", "rule_type", "threshold", "window_minutes", "channel", "destination",
        "is_enabled",
    ),
    "runs": (
        "pipeline_id", "external_run_id", "status", "started_at", "finished_at", "duration_seconds", "rows_processed",
        "error_message", "status_reason", "payload", "updated_at",
    ),
    "id_registry": ("entity", "id", "key"),
    "validation_report": ("file", "line", "field", "problem"),
}  # fmt: skip
ID_COLUMN = {"clients": "client_id", "pipelines": "pipeline_id", "alert_rules": "rule_id"}
# What names a row beside its id; also the order of the rows in a normalised file.
KEY_COLUMNS = {
    "clients": ("name",),
    "pipelines": ("client_id", "name"),
    "alert_rules": ("client_id", "pipeline_id", "rule_type", "channel", "destination", "is_enabled"),
    "runs": ("started_at", "pipeline_id", "external_run_id"),
}
BASE = ("clients", "pipelines", "alert_rules")
# Ids are UUIDs of version 7 of this moment: no clock enters a data set.
ID_EPOCH_MS = 1_767_225_600_000  # 2026-01-01


@dataclass(frozen=True, slots=True)
class Problem:
    """`line` is the file's own, from 1; 0 where the whole file is meant."""

    file: str
    line: int
    field: str
    problem: str

    def as_row(self) -> Row:
        return {"file": self.file, "line": str(self.line), "field": self.field, "problem": self.problem}

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field + ': ' if self.field else ''}{self.problem}"


@dataclass(slots=True)
class DataSetTable:
    """A file's rows with their line numbers; what could not be read is in `problems`."""

    file: str
    header: tuple[str, ...] = ()
    rows: list[tuple[int, Row]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Dataset:
    root: Path

    @property
    def state_file(self) -> Path:
        return self.root / "context" / "session_state.json"

    @property
    def registry(self) -> Path:
        return self.root / "context" / "id_registry.csv"

    @property
    def report(self) -> Path:
        return self.root / "context" / "validation_report.csv"

    def base(self, kind: str) -> Path:
        return self.root / "base" / f"{kind}.csv"

    def batch(self, month: str) -> Path:
        return self.root / "batches" / f"runs_{month}.csv"

    def batches(self) -> list[Path]:
        return sorted((self.root / "batches").glob("runs_*.csv"))

    def name_of(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def read(self, path: Path, kind: str) -> DataSetTable:
        return read_table(path, self.name_of(path), COLUMNS[kind])


def dataset(name: str) -> Dataset:
    """The data set of this name in the checkout, or where an installed package put its data; LookupError."""
    folder = places.DATA_SETS / name
    if name.strip("./\\") != name or not (folder / "base").is_dir():
        known = sorted({path.parent.name for path in places.DATA_SETS.glob("*/base")})
        raise LookupError(f"There is no data set {name!r}; there are: {', '.join(known) or 'none'}.")
    return Dataset(folder)


def read_table(path: Path, name: str, columns: Iterable[str]) -> DataSetTable:
    """Values and column names without blanks around them. A row with too few or too many fields is a problem."""
    table = DataSetTable(name)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        table.problems.append(Problem(name, 0, "", "the file is missing"))
        return table
    except UnicodeDecodeError as error:
        table.problems.append(Problem(name, 0, "", f"is not UTF-8: byte {error.start} cannot be read"))
        return table
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        table.header = tuple(column.strip().lower() for column in next(reader, []))
        for values in reader:
            if not values:
                continue
            if len(values) != len(table.header):
                say = f"has {len(values)} fields where the header has {len(table.header)}"
                table.problems.append(Problem(name, reader.line_num, "", say))
            else:
                row = {column: value.strip() for column, value in zip(table.header, values, strict=True)}
                table.rows.append((reader.line_num, row))
    except csv.Error as error:
        table.problems.append(Problem(name, reader.line_num, "", f"is not CSV from here on: {error}"))
    expected = tuple(columns)
    for column in expected:
        if column not in table.header:
            table.problems.append(Problem(name, 1, column, "the column is missing"))
    for column in dict.fromkeys(table.header):
        if column not in expected:
            table.problems.append(Problem(name, 1, column, f"is not a column (known: {', '.join(expected)})"))
        elif table.header.count(column) > 1:
            table.problems.append(Problem(name, 1, column, "the column is there more than once"))
    return table


def write_table(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, tuple(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())


def write_whole(path: Path, content: bytes) -> None:
    """The file has either its former content or all of the new one, also where the machine stops in between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # One name, so that the next attempt replaces what a killed one left; the orchestrator's lock keeps two apart.
    beside = path.with_name(f".{path.name}.tmp")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stable_id(entity: str, key: str) -> str:
    """The same entity and key have the same UUID (of version 7) always."""
    bits = int.from_bytes(hashlib.sha256(f"{entity}\n{key}".encode()).digest()[:10])
    low, high = bits & (1 << 62) - 1, bits >> 62 & 0xFFF
    return str(UUID(int=ID_EPOCH_MS << 80 | 7 << 76 | high << 64 | 2 << 62 | low))


def key_of(kind: str, row: Mapping[str, str]) -> str:
    return " / ".join(row.get(column, "") for column in KEY_COLUMNS[kind])


def time_text(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def read_time(text: str) -> datetime:
    """Raises ValueError for anything but a full time in UTC."""
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() is None or moment.utcoffset():
        raise ValueError("not UTC")
    return moment.astimezone(UTC)
