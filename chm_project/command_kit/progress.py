"""Progress bars for commands: shown on a terminal only."""

from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def progress_bar(unit: str = "", *, quiet: bool = False) -> Progress:
    """Return a progress bar on standard error that counts `unit`; `quiet` hides it."""
    console = Console(stderr=True)
    counted = [TextColumn(unit)] if unit else []
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        *counted,
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
        transient=True,
    )


def spinner(message: str, *, quiet: bool = False) -> AbstractContextManager[object]:
    """Show that work of unknown length goes on."""
    console = Console(stderr=True, quiet=quiet)
    return console.status(message)
