"""Shorten the output of a demonstration: one short line per event. Lines with errors stay unchanged."""

import re
from collections.abc import Callable
from datetime import datetime

# Lines of a worker's log, such as `northwind page 1 in 12.5 ms: 3 created, 7 unchanged`.
_PAGE_LINE = re.compile(r" (?P<connection>\S+) page \d+ in [\d.]+ ms: (?P<outcomes>.+)$")
_FAILED_PAGE_LINE = re.compile(r" (?P<connection>\S+) page \d+ failed after [\d.]+ ms: (?P<reason>.+)$")
_CHANGED_COUNTS = re.compile(r"\d+ (?:created|updated|rejected)")
_ERROR_LINE = re.compile(r"ERROR|CRITICAL|Traceback|ended with status")
MAX_LENGTH = 100


class EventLines:
    """Write one line per event.

    With `in_place`, for a terminal, each event line replaces the previous one. So the demonstration's login, printed
    before, does not scroll away.
    """

    def __init__(self, write: Callable[[str], None], *, in_place: bool) -> None:
        self._write = write
        self._in_place = in_place
        self._line_is_open = False

    def __call__(self, line: str) -> None:
        if event := event_text(line):
            text = f"{datetime.now():%H:%M:%S}  {event}"[:MAX_LENGTH]  # noqa: DTZ005 - local time, for the user
            self._write(f"\r\x1b[K{text}" if self._in_place else f"{text}\n")
            self._line_is_open = self._in_place
        elif _ERROR_LINE.search(line):
            self.write_permanent(line)

    def write_permanent(self, line: str) -> None:
        """Write a line that no later event replaces."""
        self._write(("\n" if self._line_is_open else "") + f"{line}\n")
        self._line_is_open = False


def event_text(line: str) -> str:
    """Return a few words about the event of a log line; "" if it has none, such as a page without changes."""
    if match := _FAILED_PAGE_LINE.search(line):
        return f"{match['connection']}: {match['reason']}"
    if (match := _PAGE_LINE.search(line)) and (changes := _CHANGED_COUNTS.findall(match["outcomes"])):
        return f"{match['connection']}: {', '.join(changes)}"
    return ""
