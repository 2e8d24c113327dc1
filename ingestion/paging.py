"""Paging without HTTP: small state machines that compute the next page and detect loops.

`position` identifies the current page as a JSON value. A later walk can continue there.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from ingestion.errors import BadAnswer

MAX_PAGES = 100_000  # so that a walk ends even if the partner's listing never ends
MAX_PAGE_RUNS = 10_000  # a page is stored in one transaction

Position = Mapping[str, Any]

# A walk by offset remembers the keys of the rows that it has read. When it has more than twice this number of keys, it
# keeps only the newest 100,000.
MAX_KNOWN_ROWS = 100_000
# The saved position of a walk by offset contains the keys of this many rows, the last ones that it read.
ROWS_IN_POSITION = 50
# If a walk by offset goes back more often than this, it ends with an error: the rows change faster than CHM reads them.
MAX_STEPS_BACK = 200
# If the partner returns no total, a page that it returns this many times in a row is a loop.
MAX_SAME_PAGES = 20


class PageLimit:
    """Limits the number of pages of a walk and the number of runs of a page, so that every walk ends."""

    def __init__(self) -> None:
        self.pages = 0

    def count_page(self, run_count: int) -> None:
        """Count a page with this number of runs. Raise BadAnswer above a limit."""
        self.pages += 1
        if self.pages > MAX_PAGES:
            raise BadAnswer(f"more than {MAX_PAGES} pages")
        if run_count > MAX_PAGE_RUNS:
            raise BadAnswer(f"a page with {run_count} runs (the limit is {MAX_PAGE_RUNS})")


class CursorPaging:
    """Paging by cursor, until a page has no next cursor. A repeated cursor is an error."""

    def __init__(self, start_position: Position | None = None) -> None:
        self.cursor: str | None = start_position["cursor"] if start_position else None
        self._used_cursors: set[str] = set()

    @property
    def position(self) -> Position:
        return {"cursor": self.cursor}

    def advance(self, cursor: object) -> bool:
        """Return whether there is a next page, and move to it."""
        if cursor is None or cursor == "":
            return False
        if not isinstance(cursor, str | int):
            raise BadAnswer(f"next_cursor is a {type(cursor).__name__}, not a text")
        self.cursor = str(cursor)
        if self.cursor in self._used_cursors:
            raise BadAnswer("the partner returned the same next_cursor twice")
        self._used_cursors.add(self.cursor)
        return True


class OffsetPaging:
    """Paging by offset that misses no row while rows are added and deleted.

    If rows before the offset are deleted, later rows move up, and the next page would start too late. So each page must
    start with the last row of the page before. Example: the first page has the rows 1 to 100, so the second page is
    requested with offset 99 and must start with row 100. If a page starts with an unknown row, rows may have been
    missed. Then the walk goes back, further each time, until a page starts with a known row or at offset 0. This works
    for every listing that keeps the order of its rows, oldest or newest first. The offset grows by the number of
    received rows, because a server may return fewer rows than requested.
    """

    def __init__(self, start_position: Position | None = None) -> None:
        self.offset: int = start_position["offset"] if start_position else 0
        self._overlap: int = start_position.get("overlap", 0) if start_position else 0
        # The keys of the rows read so far, in their order, without gaps.
        last_rows: list[str] = start_position.get("recent", []) if start_position else []
        self._known_rows: dict[str, None] = dict.fromkeys(last_rows)
        self._last_rows: deque[str] = deque(last_rows, maxlen=ROWS_IN_POSITION)
        self._previous_page: Sequence[str] = ()
        self._total: int | None = None
        self._same_page_count = 0
        self._step_size = 0  # rows of the last step back; 0 after a page that starts with a known row
        self._steps_back = 0
        self._unknown_first_rows: set[str] = set()

    @property
    def position(self) -> Position:
        return {"offset": self.offset, "overlap": self._overlap, "recent": list(self._last_rows)}

    def advance(self, *, keys: Sequence[str], total: int | None = None, is_last: bool = False) -> bool:
        """Return whether there is a next page after the one whose rows have these keys.

        `total` is the number of rows on all pages, if the partner returned it with this page. `is_last` is true if the
        caller detected that no page follows.
        """
        if self._overlap and self._may_have_missed_rows(keys):
            self._step_back(len(keys))
            return True
        # A page that only repeats rows of the page before is the last page.
        if not keys or (self._overlap and len(keys) == self._overlap and total is None):
            return False
        if list(keys) != self._previous_page:
            self._same_page_count = 0
        elif self._is_loop(total):
            raise BadAnswer("the partner returned the same page twice")
        self._step_size, self._previous_page, self._total = 0, list(keys), total
        self._known_rows |= dict.fromkeys(keys)
        self._last_rows.extend(keys[-ROWS_IN_POSITION:])
        if len(self._known_rows) > 2 * MAX_KNOWN_ROWS:
            self._known_rows = dict.fromkeys(list(self._known_rows)[-MAX_KNOWN_ROWS:])
        end = self.offset + len(keys)
        if is_last or (total is not None and end >= total):
            return False
        # With pages of one row, a row cannot be repeated as overlap.
        self._overlap = 1 if len(keys) > 1 else 0
        self.offset = end - self._overlap
        return True

    def _is_loop(self, total: int | None) -> bool:
        """Return whether a repeated page means that the partner ignores the offset.

        There is another reason for a repeated page: if the newest rows come first, new rows can move the rows of one
        page to the next page. Then the total has grown.
        """
        self._same_page_count += 1
        if total is None and self._overlap:
            return self._same_page_count >= MAX_SAME_PAGES
        return not self._overlap or total == self._total

    def _may_have_missed_rows(self, keys: Sequence[str]) -> bool:
        """Return whether the walk must go back, because the page is empty or starts with an unknown row."""
        if not keys:
            return True
        if keys[0] in self._known_rows:
            return False
        # The walk has already gone back because of this row, and the pages before did not contain it. So no row was
        # deleted: the partner returns rows with the same sort value in a different order each time.
        is_repeated = keys[0] in self._unknown_first_rows and not self._step_size
        self._unknown_first_rows.add(keys[0])
        return not is_repeated

    def _step_back(self, size: int) -> None:
        self._steps_back += 1
        if self._steps_back > MAX_STEPS_BACK:
            raise BadAnswer("the partner's rows change faster than CHM can read them")
        self._step_size = max(2 * self._step_size, size, len(self._previous_page), 1)
        self.offset = max(0, self.offset - self._step_size)
        self._overlap = 1 if self.offset else 0
        self._previous_page = ()


class PageNumberPaging:
    """Paging by page number, until a page is empty or the total is reached.

    If the total becomes smaller, rows were deleted and later rows have moved to earlier pages. Then the walk goes back.
    """

    def __init__(self, first_number: int = 1, start_position: Position | None = None) -> None:
        self._first_number = first_number
        self.number: int = start_position["number"] if start_position else first_number
        # The number of rows on the largest page so far. The server may return fewer rows than requested.
        self._page_size: int = start_position["size"] if start_position else 1
        self._total: int | None = start_position["total"] if start_position else None
        self._previous_page: object = None

    @property
    def position(self) -> Position:
        return {"number": self.number, "size": self._page_size, "total": self._total}

    def advance(self, *, page: list[object], total: int | None = None) -> bool:
        """Return whether there is a next page after this one, and set `number` to it."""
        if not page:
            return False
        if page == self._previous_page:
            raise BadAnswer("the partner returned the same page twice")
        self._page_size = max(self._page_size, len(page))
        deleted = 0 if self._total is None or total is None else max(0, self._total - total)
        self._total = total
        if deleted:
            self._previous_page = None
            self.number = max(self._first_number, self.number - math.ceil(deleted / self._page_size))
            return True
        self._previous_page = page
        self.number += 1
        return total is None or (self.number - self._first_number) * self._page_size < total
