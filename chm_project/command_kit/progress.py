"""Progress bars and spinners for commands, shown only on a terminal."""

from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def progress_bar(unit: str = "", *, quiet: bool = False) -> Progress:
    """Return a progress bar for standard error. It shows `unit` after the numbers. With `quiet` it shows nothing."""
    console = Console(stderr=True)
    unit_column = [TextColumn(unit)] if unit else []
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        *unit_column,
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
        transient=True,
    )


def spinner(message: str, *, quiet: bool = False) -> AbstractContextManager[object]:
    """Return a context manager that shows a spinner on standard error. With `quiet` it shows nothing."""
    console = Console(stderr=True, quiet=quiet)
    return console.status(message)
