"""Cache the board's lists as HTML for a short time, if they are slow to compute (decision 0030).

A board of 10,000 pipelines needs almost a second. Users who open it soon after get the stored HTML, with its age. A
user who has just changed something in the console gets a new board.
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
class BoardLists:
    """The HTML of the board's lists, and the moment that they show."""

    html: SafeString
    as_of: datetime
    is_reused: bool = False


def board_lists(request: HttpRequest, scope: BoardScope, now: datetime) -> BoardLists:
    """Return the board's lists at `now`, or stored lists that are at most CHM_BOARD_REUSE_SECONDS old."""
    key = f"board:{_digest(scope)}"
    if scope.as_of is None and (stored := _read_stored(key, now)) is not None:
        own_change_at = changed_at(request)
        if own_change_at is None or own_change_at < stored.as_of:
            return stored
    started = time.monotonic()
    context = read_board(scope, now)
    html = render_to_string("console/parts/board.html", context | {"scope": scope}, request)
    lists = BoardLists(html, context["as_of"])
    if scope.as_of is None and time.monotonic() - started > FAST_SECONDS:
        _store(key, lists)
    return lists


def _digest(scope: BoardScope) -> str:
    """Return a hash of all filters of the scope. Client ids are sorted, so that equal sets have equal hashes."""
    sorted_ids = None if scope.client_ids is None else sorted(map(str, scope.client_ids))
    return blake2b(f"{replace(scope, client_ids=None)!r} {sorted_ids}".encode(), digest_size=16).hexdigest()


def _read_stored(key: str, now: datetime) -> BoardLists | None:
    if not settings.CHM_BOARD_REUSE_SECONDS:
        return None
    value = best_effort_cache.read(key)
    if value is None or not 0 <= (now - value["as_of"]).total_seconds() <= settings.CHM_BOARD_REUSE_SECONDS:
        return None
    return BoardLists(mark_safe(zlib.decompress(value["html"]).decode()), value["as_of"], is_reused=True)  # noqa: S308 - our own HTML


def _store(key: str, lists: BoardLists) -> None:
    if not settings.CHM_BOARD_REUSE_SECONDS:
        return
    value = {"as_of": lists.as_of, "html": zlib.compress(lists.html.encode(), level=1)}
    best_effort_cache.write(key, value, settings.CHM_BOARD_REUSE_SECONDS)
