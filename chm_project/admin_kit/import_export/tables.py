"""Read and write tables as CSV and XLSX.

A formula in an uploaded XLSX file is a fault; in a CSV file it is text. In written files, texts that a spreadsheet
would run as formulas are escaped.
"""

import csv
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from chm_project.admin_kit.import_export import workbook_reader
from chm_project.api.csv import csv_lines, escape_formula, unescape_formula

MAX_BYTES = 5 * 1024 * 1024
MAX_ROWS = 5_000
# An XLSX is a zip file, and a small zip file can contain gigabytes.
MAX_UNPACKED_BYTES = 100 * 1024 * 1024
MAX_COLUMNS = 100
# Maximum number of rows including blank rows. A few bytes of a sheet can declare a billion blank rows.
MAX_LINES = 4 * MAX_ROWS
_INVALID_WORKBOOK = "This is not a workbook that can be read; save it as XLSX or CSV again."
_TOO_EXPENSIVE_WORKBOOK = "This workbook takes too much time or memory to read; import it in parts, or save it as CSV."
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class UnreadableError(Exception):
    """The file cannot be read. The message contains the reason."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row of the file. `number` is the row number as in a spreadsheet, where the heading is row 1."""

    number: int
    cells: dict[str, str]
    faults: list[tuple[str, str]] = field(default_factory=list)


def read_table(data: bytes, *, columns: Sequence[str], required: Sequence[str]) -> list[FileRow]:
    """Return all rows except blank ones. Raise UnreadableError if the file cannot be read."""
    if len(data) > MAX_BYTES:
        raise UnreadableError(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB; import it in parts.")
    # Zip files, and so workbooks, start with these bytes.
    lines = _xlsx_lines(data) if data.startswith(b"PK\x03\x04") else _csv_lines(data)
    heading = _heading(next(lines, []), columns, required)
    rows: list[FileRow] = []
    for number, line in enumerate(lines, start=2):
        if number > MAX_LINES:
            raise UnreadableError(
                f"The file has more than {MAX_LINES:,} rows, blank ones included; import it in parts."
            )
        if any(cell != "" for cell in line):
            if len(rows) == MAX_ROWS:
                raise UnreadableError(f"The file has more than {MAX_ROWS:,} rows; import it in parts.")
            rows.append(_row(number, line, heading))
    if not rows:
        raise UnreadableError("The file has a heading and no rows.")
    return rows


def _heading(line: Sequence[Any], columns: Sequence[str], required: Sequence[str]) -> list[str]:
    names = [str(cell).strip().lower().replace(" ", "_") for cell in line]
    while names and not names[-1]:
        names.pop()
    allowed = f"It may name: {', '.join(columns)}."
    if not set(names) & set(columns):
        raise UnreadableError(f"The first row must name the columns. {allowed}")
    if unknown := [name for name in names if name not in columns]:
        raise UnreadableError(f"The first row names an unknown column: {unknown[0][:50] or 'blank'}. {allowed}")
    if len(set(names)) < len(names):
        raise UnreadableError("The first row names a column twice.")
    if missing := [name for name in required if name not in names]:
        raise UnreadableError(f"The first row does not name: {', '.join(missing)}. {allowed}")
    return names


def _row(number: int, line: Sequence[Any], heading: list[str]) -> FileRow:
    faults: list[tuple[str, str]] = []
    cells: dict[str, str] = {}
    for name, cell in zip(heading, line, strict=False):
        if isinstance(cell, Formula):
            faults.append((name, f"The cell of {name} contains a formula; write its value instead."))
        else:
            cells[name] = unescape_formula(cell)
    if len(line) != len(heading) and any(cell != "" for cell in line[len(heading) :]):
        faults.append(("", f"This row has {len(line)} cells, the heading {len(heading)}."))
    return FileRow(number, cells, faults)


def _csv_lines(data: bytes) -> Iterator[list[str]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UnreadableError(
            f"Line {line} is not in UTF-8. Save the file as “CSV UTF-8” or as XLSX, and choose it again."
        ) from None
    first_line = text.partition("\n")[0]
    # Spreadsheets separate cells with semicolons in languages with a decimal comma.
    delimiter = max(",;\t", key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        try:
            line_cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UnreadableError(f"Line {reader.line_num} is not CSV: {error}.") from None
        yield line_cells


class Formula(str):
    """The text of a cell that contains a formula."""

    __slots__ = ()


def _xlsx_lines(data: bytes) -> Iterator[list[str]]:
    """Return the cells of the first sheet as text. A separate process reads them (see workbook_reader)."""
    if _unpacked_bytes(data) > MAX_UNPACKED_BYTES:
        raise UnreadableError("The workbook is too large when unpacked; import it in parts.")
    try:
        # With -I, Python ignores PYTHONPATH and the script's folder, so it imports only installed packages.
        process = subprocess.run(  # noqa: S603 - CHM's own script
            [sys.executable, "-I", workbook_reader.__file__, str(MAX_LINES), str(MAX_COLUMNS)],
            input=data, capture_output=True, check=False, timeout=workbook_reader.TIMEOUT_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise UnreadableError(_TOO_EXPENSIVE_WORKBOOK) from None
    if process.returncode:
        raise UnreadableError(
            _INVALID_WORKBOOK if process.returncode == workbook_reader.EXIT_INVALID else _TOO_EXPENSIVE_WORKBOOK
        )
    for line in json.loads(process.stdout):
        yield [Formula(cell[0]) if isinstance(cell, list) else cell for cell in line]


def _unpacked_bytes(data: bytes) -> int:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            return sum(part.file_size for part in packed.infolist())
    # ZipFile raises NotImplementedError for an unknown version, and UnicodeDecodeError for a name that is not UTF-8.
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError):
        raise UnreadableError(_INVALID_WORKBOOK) from None


def csv_file_lines(columns: Sequence[str], rows: Iterable[dict[str, str]]) -> Iterator[str]:
    """Yield the lines of a CSV file. It starts with a byte order mark, so that spreadsheets recognize UTF-8."""
    yield "\ufeff"
    yield from csv_lines(columns, rows)


def xlsx_file(columns: Sequence[str], rows: Iterable[dict[str, str]]) -> bytes:
    # Imported here, because openpyxl is large, and most processes write no workbook.
    import openpyxl
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("CHM")
    sheet.append(list(columns))
    # XML cannot contain most control characters.
    for row in rows:
        sheet.append([ILLEGAL_CHARACTERS_RE.sub("\ufffd", escape_formula(row[column])) for column in columns])
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()
