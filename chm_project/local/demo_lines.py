"""Output of a demonstration: a short line per event, and errors unchanged."""

import re
from collections.abc import Callable
from datetime import datetime

# A line of a worker's log: `northwind page 1 in 12.5 ms: 3 created, 7 unchanged`.
_PAGE = re.compile(r" (?P<connection>\S+) page \d+ in [\d.]+ ms: (?P<outcomes>.+)$")
_FAILED = re.compile(r" (?P<connection>\S+) page \d+ failed after [\d.]+ ms: (?P<reason>.+)$")
_CHANGES = re.compile(r"\d+ (?:created|updated|rejected)")
_ERROR_LINE = re.compile(r"ERROR|CRITICAL|Traceback|ended with status")
MAX_LENGTH = 100


class EventLines:
    """Write one line per event.

    On a terminal each line replaces the previous one, so that lines above, such as the login, stay visible.
    """

    def __init__(self, write: Callable[[str], None], *, in_place: bool) -> None:
        self._write = write
        self._in_place = in_place
        self._line_is_open = False

    def __call__(self, line: str) -> None:
        if event := event_of(line):
            text = f"{datetime.now():%H:%M:%S}  {event}"[:MAX_LENGTH]  # noqa: DTZ005 - local time, as people read it
            self._write(f"\r\x1b[K{text}" if self._in_place else f"{text}\n")
            self._line_is_open = self._in_place
        elif _ERROR_LINE.search(line):
            self.write_permanent(line)

    def write_permanent(self, line: str) -> None:
        """Write a line that stays."""
        self._write(("\n" if self._line_is_open else "") + f"{line}\n")
        self._line_is_open = False


def event_of(line: str) -> str:
    """Return the event in a few words; "" for a line without one, such as an unchanged page."""
    if match := _FAILED.search(line):
        return f"{match['connection']}: {match['reason']}"
    if (match := _PAGE.search(line)) and (changes := _CHANGES.findall(match["outcomes"])):
        return f"{match['connection']}: {', '.join(changes)}"
    return ""
