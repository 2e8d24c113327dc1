"""Read the last days of each pipeline again once a day, because a source's filter can miss changes."""

import zlib
from datetime import UTC, datetime, timedelta

DAY = timedelta(days=1)


def start_of_walk(since: datetime, *, through: datetime, now: datetime, days: int, name: str) -> datetime:
    """Return the start of a walk: `since`, or once a day a time `days` earlier.

    The time of day depends on `name`, which spreads connections and pipelines over the day. The first walk after that
    time is the one whose watermark (`through`) is before it. No other state is needed: a failed walk does not move the
    watermark, so the next walk reads the last days instead, also after a day without walks.
    """
    if not days:
        return since
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    # Not hash(): Python salts it per process, and all workers must compute the same time.
    due_at = today + DAY * (zlib.crc32(name.encode()) / 2**32)
    if due_at > now:
        due_at -= DAY
    return min(since, due_at - DAY * days) if through < due_at else since
