"""Parse and check times that API clients send."""

from datetime import UTC, datetime

INVALID_TIME = "Give a time in ISO 8601, such as 2026-01-31T08:00:00Z; without an offset it is UTC."


def parse_time(text: str) -> datetime:
    """Return the time in UTC. Raise ValueError for an invalid text or a year outside 1 to 9999."""
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(INVALID_TIME) from error


def window_problems(
    start: datetime, end: datetime, start_parameter: str = "since", end_parameter: str = "until"
) -> dict[str, str]:
    """Return `{start_parameter: message}` if the window does not begin before its end, else an empty dict."""
    return {} if start < end else {start_parameter: f"This must be before {end_parameter}."}
