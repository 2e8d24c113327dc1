"""Paging without HTTP: small state machines that detect loops.

`position` is the place of the next page, as JSON, from which a later walk can continue.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from ingestion.errors import BadAnswer

MAX_PAGES = 100_000
MAX_PAGE_RUNS = 10_000

Position = Mapping[str, Any]

# For a walk by offset: rows remembered, rows kept in its position, and the maximum number of steps back.
MAX_KNOWN_ROWS = 100_000
KEPT_ROWS = 50
MAX_STEPS_BACK = 200
# Without a total, a page may be repeated this many times.
MAX_SAME_PAGES = 20


class PageCap:
    """Limits the number of pages, so that no walk is endless."""

    def __init__(self) -> None:
        self.pages = 0

    def count(self, runs: int) -> None:
        self.pages += 1
        if self.pages > MAX_PAGES:
            raise BadAnswer(f"more than {MAX_PAGES} pages")
        if runs > MAX_PAGE_RUNS:
            raise BadAnswer(f"a page with {runs} runs (the limit is {MAX_PAGE_RUNS})")


class CursorPaging:
    """Follow cursors until there is none; a repeated cursor is an error."""

    def __init__(self, start: Position | None = None) -> None:
        self.cursor: str | None = start["cursor"] if start else None
        self._seen: set[str] = set()

    @property
    def position(self) -> Position:
        return {"cursor": self.cursor}

    def advance(self, cursor: object) -> bool:
        """Return whether there is a next page."""
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
    """Paging by offset without losing rows while rows are added and deleted.

    Rows that are deleted before an offset move the rest up, so that the next page would begin too late. Therefore each
    page begins with the last row of the page before. If it does not begin with a known row, rows may have been passed
    over: the walk steps back, further each time, until a page begins with a known row or at offset 0. This holds for
    every listing that keeps its rows in sequence, oldest or newest first. The offset advances by the rows received,
    since a server may cut a page short.
    """

    def __init__(self, start: Position | None = None) -> None:
        self.offset: int = start["offset"] if start else 0
        self._overlap: int = start.get("overlap", 0) if start else 0
        # Rows that are known to be consecutive from the start of the listing.
        recent: list[str] = start.get("recent", []) if start else []
        self._seen: dict[str, None] = dict.fromkeys(recent)
        self._recent: deque[str] = deque(recent, maxlen=KEPT_ROWS)
        self._last_page: Sequence[str] = ()
        self._total: int | None = None
        self._same_pages = 0
        self._back = 0
        self._steps_back = 0
        self._passed_over: set[str] = set()

    @property
    def position(self) -> Position:
        return {"offset": self.offset, "overlap": self._overlap, "recent": list(self._recent)}

    def advance(self, *, keys: Sequence[str], total: int | None = None, last: bool = False) -> bool:
        """Return whether there is a next page after the one whose rows have these keys.

        `total` is the partner's latest count of rows; with `last` the page itself shows that it is the last one.
        """
        if self._overlap and self._may_have_passed_rows(keys):
            self._step_back(len(keys))
            return True
        if not keys or (self._overlap and len(keys) == self._overlap and total is None):
            return False
        if list(keys) != self._last_page:
            self._same_pages = 0
        elif self._is_a_circle(total):
            raise BadAnswer("the partner gave the same page twice")
        self._back, self._last_page, self._total = 0, list(keys), total
        self._seen |= dict.fromkeys(keys)
        self._recent.extend(keys[-KEPT_ROWS:])
        if len(self._seen) > 2 * MAX_KNOWN_ROWS:
            self._seen = dict.fromkeys(list(self._seen)[-MAX_KNOWN_ROWS:])
        end = self.offset + len(keys)
        if last or (total is not None and end >= total):
            return False
        # With pages of one row, a row cannot be repeated as overlap.
        self._overlap = 1 if len(keys) > 1 else 0
        self.offset = end - self._overlap
        return True

    def _is_a_circle(self, total: int | None) -> bool:
        """Return whether a repeated page means that the partner ignores the offset.

        In a listing with newest first, a page's worth of new rows repeats the page too; but then the total has grown.
        """
        self._same_pages += 1
        if total is None and self._overlap:
            return self._same_pages >= MAX_SAME_PAGES
        return not self._overlap or total == self._total

    def _may_have_passed_rows(self, keys: Sequence[str]) -> bool:
        if not keys:
            return True
        if keys[0] in self._seen:
            return False
        # The same row again after stepping back: the partner's order has ties.
        again = keys[0] in self._passed_over and not self._back
        self._passed_over.add(keys[0])
        return not again

    def _step_back(self, size: int) -> None:
        self._steps_back += 1
        if self._steps_back > MAX_STEPS_BACK:
            raise BadAnswer("the partner's rows change faster than they can be read")
        self._back = max(2 * self._back, size, len(self._last_page), 1)
        self.offset = max(0, self.offset - self._back)
        self._overlap = 1 if self.offset else 0
        self._last_page = ()


class NumberPaging:
    """Paging by number until a page is empty or the total is reached; steps back if rows disappeared."""

    def __init__(self, first: int = 1, start: Position | None = None) -> None:
        self._first = first
        self.number: int = start["number"] if start else first
        # Rows of the largest page so far: the server may return less than requested.
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
