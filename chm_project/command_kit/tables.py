"""Print lists for commands: as tables that fit the terminal, or as JSON."""

import json
import shutil
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

# Used when the output is not a terminal: mails and logs show 80 columns without wrapping.
WIDTH = 80


def show_table(
    out: Any, columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "", numbers: Sequence[str] = ()
) -> None:
    """Print the rows as a table. If the table is wider than the terminal, print a line "column  value" per cell.

    `numbers` names the columns to align right. Lines without a value are left out, except a row's first.
    """
    width = terminal_width()
    texts = [["" if value is None else str(value) for value in row] for row in rows]
    console = Console(file=out, width=width, markup=False, highlight=False, emoji=False)
    widths = [max([len(name), *(len(row[index]) for row in texts)]) for index, name in enumerate(columns)]
    # Each column adds two spaces and a border; the table has one more border at its end.
    if sum(widths) + 3 * len(columns) + 1 <= width:
        table = Table(title=title or None)
        for name in columns:
            table.add_column(name, justify="right" if name in numbers else "left")
        for row in texts:
            table.add_row(*row)
        console.print(table)
        return
    if title:
        console.print(title)
    listing = Table.grid(padding=(0, 2))
    listing.add_column(max_width=width // 3)
    listing.add_column(overflow="fold")
    for row in texts:
        for index, (name, value) in enumerate(zip(columns, row, strict=True)):
            if value or index == 0:
                listing.add_row(name, value)
        listing.add_row("", "")
    console.print(listing)


def terminal_width() -> int:
    """Return the width of the terminal (the variable COLUMNS overrides it); WIDTH if the output is not a terminal."""
    return shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH


def show_json(out: Any, document: object) -> None:
    """Print the document as JSON: times in ISO 8601, ids as text."""
    out.write(
        json.dumps(
            document, indent=2, default=lambda value: value.isoformat() if hasattr(value, "isoformat") else str(value)
        )
    )
