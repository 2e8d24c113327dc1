"""Read the last days of each pipeline again once a day, because a source's filter can miss changes."""

import zlib
from datetime import UTC, datetime, timedelta

DAY = timedelta(days=1)


def start_of_walk(since: datetime, *, watermark: datetime, now: datetime, days: int, name: str) -> datetime:
    """Return the start of a walk: `since`, or once a day a start `days` days before the daily time.

    The daily time is computed from `name`, so that connections and pipelines are spread over the day. The first walk
    after that time starts earlier. A walk is the first one if its watermark is before the daily time, so no other state
    is needed. If the walk fails, its watermark does not move, and the next walk reads the last days.
    """
    if not days:
        return since
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    # Not hash(): Python salts it per process, and all workers must compute the same time.
    due_at = today + DAY * (zlib.crc32(name.encode()) / 2**32)
    if due_at > now:
        due_at -= DAY
    return min(since, due_at - DAY * days) if watermark < due_at else since
