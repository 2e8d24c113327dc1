"""Tables and lists that commands print: they fit the terminal, and a program gets them as JSON."""

import json
import shutil
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

# Where the output is no terminal: what a mail or a log shows without breaking lines.
WIDTH = 80


def show_table(
    out: Any, columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "", numbers: Sequence[str] = ()
) -> None:
    """Print the rows as a table, or where that is wider than the terminal, each row as lines of "column  value".

    `numbers` are the columns that are set to the right. An empty value takes no line of its own.
    """
    width = terminal_width()
    texts = [["" if value is None else str(value) for value in row] for row in rows]
    console = Console(file=out, width=width, markup=False, highlight=False, emoji=False)
    needed = [max([len(name), *(len(row[place]) for row in texts)]) for place, name in enumerate(columns)]
    if sum(needed) + 3 * len(columns) + 1 <= width:
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
        for place, (name, value) in enumerate(zip(columns, row, strict=True)):
            if value or place == 0:
                listing.add_row(name, value)
        listing.add_row("", "")
    console.print(listing)


def terminal_width() -> int:
    """Return the columns of the terminal, which COLUMNS overrides; WIDTH where the output is none."""
    return shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH


def show_json(out: Any, document: object) -> None:
    """Print it for a program; a moment in ISO 8601, an id as its text."""
    out.write(
        json.dumps(
            document, indent=2, default=lambda value: value.isoformat() if hasattr(value, "isoformat") else str(value)
        )
    )
