"""How pages follow each other, apart from HTTP: each walk is a small state machine that notices a loop.

`position` is where the next page is read: JSON, from which a later walk can go on.
"""

import math
from collections.abc import Mapping
from typing import Any

from ingestion.errors import BadAnswer

MAX_PAGES = 100_000
MAX_PAGE_RUNS = 10_000

Position = Mapping[str, Any]


class PageCap:
    """Counts pages, so that no partner can keep a walk going for ever."""

    def __init__(self) -> None:
        self.pages = 0

    def count(self, runs: int) -> None:
        self.pages += 1
        if self.pages > MAX_PAGES:
            raise BadAnswer(f"more than {MAX_PAGES} pages")
        if runs > MAX_PAGE_RUNS:
            raise BadAnswer(f"a page with {runs} runs (the limit is {MAX_PAGE_RUNS})")


class CursorPaging:
    """Follows cursors until none is given; one that comes twice is an error."""

    def __init__(self, start: Position | None = None) -> None:
        self.cursor: str | None = start["cursor"] if start else None
        self._seen: set[str] = set()

    @property
    def position(self) -> Position:
        return {"cursor": self.cursor}

    def advance(self, cursor: object) -> bool:
        """Whether there is a next page."""
        if cursor is None or cursor == "":
            return False
        if not isinstance(cursor, str | int):
            raise BadAnswer(f"next_cursor is a {type(cursor).__name__}, not a text")
        self.cursor = str(cursor)
        if self.cursor in self._seen:
            raise BadAnswer("the partner gave the same next_cursor twice")
        self._seen.add(self.cursor)
        return True


class OffsetPaging:
    """Advances by the rows received, for a server may cut a page short, and ends at the latest total, or at an empty
    page where no total is told."""

    def __init__(self, start: Position | None = None) -> None:
        self.offset: int = start["offset"] if start else 0
        self._total: int | None = start["total"] if start else None
        self._last_page: object = None

    @property
    def position(self) -> Position:
        return {"offset": self.offset, "total": self._total}

    def advance(self, *, page: list[object], total: int | None = None) -> bool:
        if not page:
            return False
        if page == self._last_page:
            raise BadAnswer("the partner gave the same page twice")
        vanished = 0 if self._total is None or total is None else max(0, self._total - total)
        self._total = total
        if vanished:
            # Rows before this page went away, the rest moved up, and as many were passed over: read them again.
            self.offset = max(0, self.offset - vanished)
            self._last_page = None
            return True
        self._last_page = page
        self.offset += len(page)
        return total is None or self.offset < total


class NumberPaging:
    """Page by page until one is empty, or the latest total is reached; steps back where rows vanished before it."""

    def __init__(self, first: int = 1, start: Position | None = None) -> None:
        self._first = first
        self.number: int = start["number"] if start else first
        # Of the largest page so far: the server may give less than was asked for.
        self._size: int = start["size"] if start else 1
        self._total: int | None = start["total"] if start else None
        self._last_page: object = None

    @property
    def position(self) -> Position:
        return {"number": self.number, "size": self._size, "total": self._total}

    def advance(self, *, page: list[object], total: int | None = None) -> bool:
        if not page:
            return False
        if page == self._last_page:
            raise BadAnswer("the partner gave the same page twice")
        self._size = max(self._size, len(page))
        vanished = 0 if self._total is None or total is None else max(0, self._total - total)
        self._total = total
        if vanished:
            self._last_page = None
            self.number = max(self._first, self.number - math.ceil(vanished / self._size))
            return True
        self._last_page = page
        self.number += 1
        return total is None or (self.number - self._first) * self._size < total
