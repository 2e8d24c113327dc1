"""Once a day each pipeline's last days are read again, for changes that a source's filter does not show."""

import zlib
from datetime import UTC, datetime, timedelta

DAY = timedelta(days=1)


def start_of_walk(since: datetime, *, through: datetime, now: datetime, days: int, name: str) -> datetime:
    """Return where a walk begins: at `since`, or once a day `days` back.

    The moment of the day depends on the name, so that connections, and pipelines that are asked one by one, are spread
    over the day. The walk whose watermark lies before that moment reads the last days, so a walk that fails is repeated
    and a day that CHM was down is made up for; nothing else has to be remembered.
    """
    if not days:
        return since
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    moment = today + DAY * (zlib.crc32(name.encode()) / 2**32)
    if moment > now:
        moment -= DAY
    return min(since, moment - DAY * days) if through < moment else since
