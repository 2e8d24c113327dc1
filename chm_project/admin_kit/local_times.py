"""Parse times in URLs, and compute the evening of a day. A time without an offset is in the user's time zone."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UTC_ZONE = ZoneInfo("UTC")
EVENING = time(18)


def zone_named(name: str) -> ZoneInfo:
    """Return the time zone; UTC for an empty name. Raise ValueError for an unknown name."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"There is no time zone {name!r}.") from error


def parse_local_time(text: str, zone: ZoneInfo) -> datetime | None:
    """Return the time in UTC; None for an empty text.

    Raise ValueError or OverflowError for an invalid text, and for a time that is outside the years 1 to 9999 in UTC or
    in the zone.
    """
    if not text:
        return None
    # The plus sign of an offset such as +02:00 arrives as a space if the URL does not escape it.
    moment = datetime.fromisoformat(text.replace(" ", "+"))
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    # Pages show the time in the zone. Raise OverflowError here, not there.
    moment.astimezone(zone)
    return moment


def evening_before(now: datetime, days_ago: int) -> datetime:
    """Return 18:00 of the day `days_ago` days before `now`, in the time zone of `now`."""
    return datetime.combine(now.date() - timedelta(days=days_ago), EVENING, now.tzinfo)
