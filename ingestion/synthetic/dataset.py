"""The files and columns of a synthetic data set on disk. Rows are read with line numbers. Files are written as a whole.

    base/clients.csv  base/pipelines.csv  base/alert_rules.csv
    batches/runs_YYYY-MM.csv
    context/id_registry.csv  context/session_state.json  context/validation_report.csv

Files are UTF-8 with LF line ends, separated by commas, with a header line. An empty field is null. Booleans are true
and false. Times are ISO 8601 in UTC and end with Z. `payload` is a JSON object. Rows refer to other rows by UUIDs.
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

from chm_project.settings import paths

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
# The columns that identify a row without its id. In normalised files, rows are sorted by these columns.
KEY_COLUMNS = {
    "clients": ("name",),
    "pipelines": ("client_id", "name"),
    "alert_rules": ("client_id", "pipeline_id", "rule_type", "channel", "destination", "is_enabled"),
    "runs": ("started_at", "pipeline_id", "external_run_id"),
}
BASE_TABLES = ("clients", "pipelines", "alert_rules")
# All ids are UUIDs of version 7 with this time. The time is fixed, so that the same seed gives the same bytes.
ID_EPOCH_MS = 1_767_225_600_000  # 2026-01-01


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a data set. `line` counts from 1; it is 0 if the fault concerns the whole file."""

    file: str
    line: int
    field: str
    message: str

    def as_row(self) -> Row:
        return {"file": self.file, "line": str(self.line), "field": self.field, "problem": self.message}

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field + ': ' if self.field else ''}{self.message}"


@dataclass(slots=True)
class DatasetTable:
    """The rows of a file with their line numbers, and the faults that were found while reading the file."""

    file: str
    header: tuple[str, ...] = ()
    rows: list[tuple[int, Row]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Dataset:
    """The paths and tables of a data set below the folder `root`."""

    root: Path

    @property
    def state_file(self) -> Path:
        return self.root / "context" / "session_state.json"

    @property
    def registry_file(self) -> Path:
        return self.root / "context" / "id_registry.csv"

    @property
    def report_file(self) -> Path:
        return self.root / "context" / "validation_report.csv"

    def base_file(self, kind: str) -> Path:
        return self.root / "base" / f"{kind}.csv"

    def runs_file(self, month: str) -> Path:
        return self.root / "batches" / f"runs_{month}.csv"

    def runs_files(self) -> list[Path]:
        return sorted((self.root / "batches").glob("runs_*.csv"))

    def relative_name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def read(self, path: Path, kind: str) -> DatasetTable:
        return read_table(path, self.relative_name(path), COLUMNS[kind])


def dataset(name: str) -> Dataset:
    """Return the data set of this name, from the checkout or from the installed package.

    Raise LookupError for an unknown name.
    """
    folder = paths.DATA_SETS / name
    # A name that starts with dots or a slash could be a path outside the folder.
    if name.strip("./\\") != name or not (folder / "base").is_dir():
        known = sorted({path.parent.name for path in paths.DATA_SETS.glob("*/base")})
        raise LookupError(f"There is no data set {name!r}; the data sets are: {', '.join(known) or 'none'}.")
    return Dataset(folder)


def read_table(path: Path, name: str, columns: Iterable[str]) -> DatasetTable:
    """Return the table. Blanks around values and column names are removed.

    Faults are added to the table, not raised.
    """
    table = DatasetTable(name)
    try:
        text = path.read_bytes().decode("utf-8-sig")  # Excel writes a byte order mark
    except FileNotFoundError:
        table.faults.append(Fault(name, 0, "", "the file is missing"))
        return table
    except UnicodeDecodeError as error:
        table.faults.append(Fault(name, 0, "", f"is not UTF-8: byte {error.start} cannot be read"))
        return table
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        table.header = tuple(column.strip().lower() for column in next(reader, []))
        for values in reader:
            if not values:
                continue
            if len(values) != len(table.header):
                message = f"has {len(values)} fields where the header has {len(table.header)}"
                table.faults.append(Fault(name, reader.line_num, "", message))
            else:
                row = {column: value.strip() for column, value in zip(table.header, values, strict=True)}
                table.rows.append((reader.line_num, row))
    except csv.Error as error:
        table.faults.append(Fault(name, reader.line_num, "", f"is not CSV from here on: {error}"))
    expected = tuple(columns)
    for column in expected:
        if column not in table.header:
            table.faults.append(Fault(name, 1, column, "the column is missing"))
    for column in dict.fromkeys(table.header):
        if column not in expected:
            table.faults.append(Fault(name, 1, column, f"is not a column (known: {', '.join(expected)})"))
        elif table.header.count(column) > 1:
            table.faults.append(Fault(name, 1, column, "the column occurs more than once"))
    return table


def write_table(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, tuple(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file. Even if the machine stops during the write, it has either its old or its new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name of the temporary file is always the same, so that the next write replaces the file that a killed process
    # left. Two processes never write at the same time, because chm-synthetic-orchestrator holds a lock.
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # the content reaches the disk before the rename
    temporary.replace(path)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of the file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stable_id(entity: str, key: str) -> str:
    """Return the UUID (version 7) of an entity and key. The same arguments always give the same UUID."""
    bits = int.from_bytes(hashlib.sha256(f"{entity}\n{key}".encode()).digest()[:10])
    low, high = bits & (1 << 62) - 1, bits >> 62 & 0xFFF
    return str(UUID(int=ID_EPOCH_MS << 80 | 7 << 76 | high << 64 | 2 << 62 | low))


def key_of(kind: str, row: Mapping[str, str]) -> str:
    """Return the values of the row's key columns as one text, joined by a slash."""
    return " / ".join(row.get(column, "") for column in KEY_COLUMNS[kind])


def time_text(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def read_time(text: str) -> datetime:
    """Return the time. Raise ValueError if the text is not a time in UTC."""
    time = datetime.fromisoformat(text)
    if time.utcoffset() is None or time.utcoffset():
        raise ValueError("not UTC")
    return time.astimezone(UTC)
