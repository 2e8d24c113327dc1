"""Read a workbook from standard input and print its first sheet as JSON: a list of cells for each row.

Each cell is a text. A cell with a formula is a list that contains the text of the formula.

A few kilobytes of zipped XML can need unlimited time and memory. So this script runs in its own process, with limits on
time and memory. If it reaches a limit, only this process ends, and the web server continues.
"""

import io
import json
import resource
import sys
from datetime import date, datetime
from typing import Any

MAX_CPU_SECONDS = 4
# Longer than MAX_CPU_SECONDS, because on a busy machine the process gets only a part of a processor.
TIMEOUT_SECONDS = 15
MAX_MEMORY_BYTES = 300 * 1024 * 1024
# The exit status for an invalid workbook. Any other status except 0 means that a limit was reached.
EXIT_INVALID = 3
EXIT_LIMIT_REACHED = 4


def read(data: bytes, max_lines: int, max_columns: int) -> list[list[Any]]:
    """Return the lines, at most `max_lines` + 1. The additional line shows that the sheet has too many."""
    import openpyxl

    sheet = openpyxl.load_workbook(io.BytesIO(data), read_only=True).worksheets[0]
    sheet.reset_dimensions()  # the size that the sheet declares may be wrong
    lines: list[list[Any]] = []
    for cells in sheet.iter_rows(max_col=max_columns):
        line = [_text(cell) for cell in cells]
        while line and line[-1] == "":
            line.pop()
        lines.append(line)
        if len(lines) > max_lines:
            break
    return lines


def _text(cell: Any) -> Any:
    value = cell.value
    if cell.data_type == "f":
        return [str(value)]
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)


def main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_SECONDS, MAX_CPU_SECONDS))
    try:
        lines = read(sys.stdin.buffer.read(), int(sys.argv[1]), int(sys.argv[2]))
        sys.stdout.write(json.dumps(lines))
    except MemoryError:
        return EXIT_LIMIT_REACHED
    except Exception:  # noqa: BLE001 - openpyxl raises errors of many kinds for a broken workbook
        return EXIT_INVALID
    return 0


if __name__ == "__main__":
    sys.exit(main())
