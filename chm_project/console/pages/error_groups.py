"""Error texts put together where they differ only in numbers, ids and times: one cause is one line."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chm_project.console.drawing.text_format import first_line

# Ids, then any word with a digit in it, such as a time, an address or a table of the day.
_VARYING = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\b0x[0-9a-fA-F]+\b|\d+(?:[.:,-]\d+)*")


@dataclass(slots=True)
class Failures:
    """`text` and `run_id` are of the newest."""

    text: str
    run_id: UUID
    last_at: datetime
    first_at: datetime
    count: int = 1


def group_failures(failed: Iterable[tuple[UUID, str | None, str | None, datetime]]) -> list[Failures]:
    """Of (run, error message, status reason, event_at), newest first; the most frequent cause comes first."""
    groups: dict[str, Failures] = {}
    for run_id, error, reason, event_at in failed:
        text = first_line(error) or first_line(reason) or "no error text"
        key = _VARYING.sub("#", text).casefold()
        if group := groups.get(key):
            group.count += 1
            group.first_at = event_at
        else:
            groups[key] = Failures(text, run_id, event_at, event_at)
    return sorted(groups.values(), key=lambda group: -group.count)
