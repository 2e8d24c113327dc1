"""Read the last days of each pipeline again once a day, because a source's filter can miss changes."""

import zlib
from datetime import UTC, datetime, timedelta

DAY = timedelta(days=1)


def start_of_walk(
    since: datetime, *, watermark: datetime, now: datetime, reconcile_days: int, spread_by: str
) -> datetime:
    """Return the start of a walk: `since`, or once a day a start `reconcile_days` days before the daily time.

    The daily time is computed from `spread_by`, the name of a connection or pipeline, so that these times are spread
    over the day. The first walk after the daily time starts earlier. It is recognized by its watermark, which is before
    the daily time. If that walk fails, its watermark does not move, and the next walk reads the last days.
    """
    if not reconcile_days:
        return since
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    # Not hash(): Python salts it per process, and all workers must compute the same time.
    daily_time = today + DAY * (zlib.crc32(spread_by.encode()) / 2**32)
    if daily_time > now:
        daily_time -= DAY
    return min(since, daily_time - DAY * reconcile_days) if watermark < daily_time else since
