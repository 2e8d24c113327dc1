"""Read the last days of each pipeline again once a day, because a source's filter can miss changes."""

import zlib
from datetime import UTC, datetime, timedelta

DAY = timedelta(days=1)


def since_of_walk(
    since: datetime, *, watermark: datetime, now: datetime, reconcile_days: int, spread_by: str
) -> datetime:
    """Return the since time of a walk: usually `since`, but once a day a time that is some days earlier.

    Each connection or pipeline has a daily time, which is computed from its name `spread_by`. The first walk after the
    daily time reads the changes since `reconcile_days` days before that time. Example: the daily time is 04:00, and
    reconcile_days is 3. On Thursday, the first walk after 04:00 reads the changes since Monday 04:00. A walk is the
    first one if its watermark is before the daily time. If this walk fails, the watermark does not move, so the next
    walk is the first.
    """
    if not reconcile_days:
        return since
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    # Not hash(): Python salts it per process, and all workers must compute the same time.
    daily_time = today + DAY * (zlib.crc32(spread_by.encode()) / 2**32)
    if daily_time > now:
        daily_time -= DAY
    return min(since, daily_time - DAY * reconcile_days) if watermark < daily_time else since
