"""Cache the HTML of the board (tiles, charts and lists) for a short time, if it is slow to compute (decision 0030).

Users who open the board soon after another user get the stored HTML, with its age. A user who has just changed
something in the console gets a new board.
"""

import time
import zlib
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b

from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from chm_project.console.own_changes import changed_at
from chm_project.console.pages.board import read_board
from chm_project.console.pages.board_scope import BoardScope
from chm_project.db import best_effort_cache

# A board that was computed faster than this is not stored.
FAST_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class BoardHtml:
    """The HTML of the board, and the moment that it shows."""

    html: SafeString
    as_of: datetime
    is_reused: bool = False


def board_html(request: HttpRequest, scope: BoardScope, now: datetime) -> BoardHtml:
    """Return the board at `now`, or a stored board that is at most CHM_BOARD_REUSE_SECONDS old."""
    key = f"board:{_digest(scope)}"
    if scope.as_of is None and (stored := _read_stored(key, now)) is not None:
        own_change_at = changed_at(request)
        if own_change_at is None or own_change_at < stored.as_of:
            return stored
    started = time.monotonic()
    context = read_board(scope, now)
    html = render_to_string("console/parts/board.html", context | {"scope": scope}, request)
    board = BoardHtml(html, context["as_of"])
    if scope.as_of is None and time.monotonic() - started > FAST_SECONDS:
        _store(key, board)
    return board


def _digest(scope: BoardScope) -> str:
    """Return a hash of all filters of the scope. Client ids are sorted, so that equal sets have equal hashes."""
    sorted_ids = None if scope.client_ids is None else sorted(map(str, scope.client_ids))
    return blake2b(f"{replace(scope, client_ids=None)!r} {sorted_ids}".encode(), digest_size=16).hexdigest()


def _read_stored(key: str, now: datetime) -> BoardHtml | None:
    if not settings.CHM_BOARD_REUSE_SECONDS:
        return None
    value = best_effort_cache.read(key)
    if value is None or not 0 <= (now - value["as_of"]).total_seconds() <= settings.CHM_BOARD_REUSE_SECONDS:
        return None
    return BoardHtml(mark_safe(zlib.decompress(value["html"]).decode()), value["as_of"], is_reused=True)  # noqa: S308 - our own HTML


def _store(key: str, board: BoardHtml) -> None:
    if not settings.CHM_BOARD_REUSE_SECONDS:
        return
    value = {"as_of": board.as_of, "html": zlib.compress(board.html.encode(), level=1)}
    best_effort_cache.write(key, value, settings.CHM_BOARD_REUSE_SECONDS)
