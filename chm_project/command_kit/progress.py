"""Progress of commands: a bar on a terminal, nothing anywhere else."""

from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def progress_bar(unit: str = "", *, quiet: bool = False) -> Progress:
    """Return a bar on standard error; `unit` is what is counted. `quiet` shows nothing."""
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
    """Show that something lasts whose length nobody knows."""
    console = Console(stderr=True, quiet=quiet)
    return console.status(message)
