"""Read each pipeline's last days again once a day, for changes that a source's filter misses."""

import zlib
from datetime import UTC, datetime, timedelta

DAY = timedelta(days=1)


def start_of_walk(since: datetime, *, through: datetime, now: datetime, days: int, name: str) -> datetime:
    """Return where a walk begins: at `since`, or once a day `days` back.

    The time of the day depends on the name, which spreads connections and pipelines over the day. A walk whose
    watermark is before that time reads the last days. So a failed walk is repeated, and a missed day is caught up,
    without other state.
    """
    if not days:
        return since
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    moment = today + DAY * (zlib.crc32(name.encode()) / 2**32)
    if moment > now:
        moment -= DAY
    return min(since, moment - DAY * days) if through < moment else since
