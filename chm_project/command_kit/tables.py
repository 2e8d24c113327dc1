"""Print lists in commands, as tables that fit the terminal or as JSON."""

import json
import shutil
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

# The width if the output is not a terminal. Mails and logs show 80 columns without wrapping.
DEFAULT_WIDTH = 80


def show_table(
    stream: Any,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    title: str = "",
    numeric_columns: Sequence[str] = (),
) -> None:
    """Print the rows as a table, with `numeric_columns` aligned right.

    If the table would be wider than the terminal, print one line "column  value" for each cell instead. Omit cells
    without a value, except the first cell of a row.
    """
    width = terminal_width()
    cell_texts = [["" if value is None else str(value) for value in row] for row in rows]
    console = Console(file=stream, width=width, markup=False, highlight=False, emoji=False)
    widths = [max([len(name), *(len(row[index]) for row in cell_texts)]) for index, name in enumerate(columns)]
    # Each column adds two spaces and a border. The table ends with one more border.
    if sum(widths) + 3 * len(columns) + 1 <= width:
        table = Table(title=title or None)
        for name in columns:
            table.add_column(name, justify="right" if name in numeric_columns else "left")
        for row in cell_texts:
            table.add_row(*row)
        console.print(table)
        return
    if title:
        console.print(title)
    listing = Table.grid(padding=(0, 2))
    listing.add_column(max_width=width // 3)
    listing.add_column(overflow="fold")
    for row in cell_texts:
        for index, (name, value) in enumerate(zip(columns, row, strict=True)):
            if value or index == 0:
                listing.add_row(name, value)
        listing.add_row("", "")
    console.print(listing)


def terminal_width() -> int:
    """Return the width of the terminal, or COLUMNS if this variable is set. Without a terminal, return 80."""
    return shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns if sys.stdout.isatty() else DEFAULT_WIDTH


def show_json(stream: Any, document: object) -> None:
    """Print the document as JSON: times in ISO 8601, ids as text."""
    stream.write(
        json.dumps(
            document, indent=2, default=lambda value: value.isoformat() if hasattr(value, "isoformat") else str(value)
        )
    )
