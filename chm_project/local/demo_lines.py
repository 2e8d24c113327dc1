"""Output of a demonstration: a short line per event, and errors unchanged."""

import re
from collections.abc import Callable
from datetime import datetime

# A line of a worker's log: `northwind page 1 in 12.5 ms: 3 created, 7 unchanged`.
_PAGE = re.compile(r" (?P<connection>\S+) page \d+ in [\d.]+ ms: (?P<outcomes>.+)$")
_FAILED = re.compile(r" (?P<connection>\S+) page \d+ failed after [\d.]+ ms: (?P<why>.+)$")
_CHANGES = re.compile(r"\d+ (?:created|updated|rejected)")
_TROUBLE = re.compile(r"ERROR|CRITICAL|Traceback|ended with status")
MAX_LENGTH = 100


class EventLines:
    """Writes one line per event.

    On a terminal each replaces the previous one, so that lines above it, such as the login, stay visible."""

    def __init__(self, write: Callable[[str], None], *, in_place: bool) -> None:
        self._write = write
        self._in_place = in_place
        self._under_way = False

    def __call__(self, line: str) -> None:
        if event := event_of(line):
            text = f"{datetime.now():%H:%M:%S}  {event}"[:MAX_LENGTH]  # noqa: DTZ005 - the clock on the wall
            self._write(f"\r\x1b[K{text}" if self._in_place else f"{text}\n")
            self._under_way = self._in_place
        elif _TROUBLE.search(line):
            self.whole(line)

    def whole(self, line: str) -> None:
        """Write a line that stays."""
        self._write(("\n" if self._under_way else "") + f"{line}\n")
        self._under_way = False


def event_of(line: str) -> str:
    """Return the event in a few words; "" for a line without one, such as an unchanged page."""
    if found := _FAILED.search(line):
        return f"{found['connection']}: {found['why']}"
    if (found := _PAGE.search(line)) and (changes := _CHANGES.findall(found["outcomes"])):
        return f"{found['connection']}: {', '.join(changes)}"
    return ""
