"""Parse times in URLs: without an offset they are in the user's zone."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UTC_ZONE = ZoneInfo("UTC")
EVENING = time(18)


def zone_named(name: str) -> ZoneInfo:
    """Return the zone, UTC for an empty name. Raises ValueError for an unknown one."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"There is no time zone {name!r}.") from error


def moment_in(text: str, zone: ZoneInfo) -> datetime | None:
    """Return the moment in UTC, None for an empty text. Raises ValueError or OverflowError."""
    if not text:
        return None
    # An offset's plus sign arrives as a space.
    moment = datetime.fromisoformat(text.replace(" ", "+"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def evening(now: datetime, days_ago: int) -> datetime:
    """Return 18:00 of a day before, in the zone of `now`."""
    return datetime.combine(now.date() - timedelta(days=days_ago), EVENING, now.tzinfo)
