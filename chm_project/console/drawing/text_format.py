"""Format numbers and times for pages. Times are in UTC; the script of the page converts them to the browser's zone."""

from datetime import UTC, date, datetime

from django.utils.html import format_html
from django.utils.safestring import SafeString


def duration(seconds: float | None) -> str:
    """Return the two largest units: 42 s, 3 min 5 s, 2 h 10 min, 3 d 4 h."""
    if seconds is None:
        return "–"
    seconds_left = round(seconds)
    if seconds_left < 60:
        return f"{seconds_left} s"
    seconds_and_units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    largest = next(index for index, (unit_seconds, _) in enumerate(seconds_and_units) if seconds_left >= unit_seconds)
    texts = []
    for unit_seconds, unit in seconds_and_units[largest : largest + 2]:
        number, seconds_left = divmod(seconds_left, unit_seconds)
        if number:
            texts.append(f"{number} {unit}")
    return " ".join(texts)


def utc_text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def day_and_month(day: date) -> str:
    """Return the day in the format of the page's script: "5 Nov"."""
    return f"{day.day} {day:%b}"


def time_html(moment: datetime | None, as_of: datetime | None = None) -> SafeString:
    """Return HTML with the moment in UTC and its age at `as_of`.

    The page's script converts the moment to the browser's zone.
    """
    if not moment:  # in a template, a missing variable is an empty text
        return format_html('<span class="chm-subtle">{}</span>', "–")
    moment = moment.astimezone(UTC)
    time_element = format_html(
        '<time datetime="{}" title="{}">{}</time>',
        f"{moment:%Y-%m-%dT%H:%M:%S}Z",
        utc_text(moment),
        f"{moment:%Y-%m-%d %H:%M} UTC",
    )
    if as_of is None or moment > as_of:
        return time_element
    age = duration((as_of - moment).total_seconds())
    return format_html('{} <span class="chm-subtle chm-age">{} ago</span>', time_element, age)


def first_line(text: str | None, limit: int = 200) -> str:
    """Return the first line of an error for a table."""
    line = next((line.strip() for line in (text or "").splitlines() if line.strip()), "")
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f} %"


def duration_of_minutes(number: float | None) -> str:
    return "–" if number is None else duration(float(number) * 60)


def rounded(number: float | None) -> str:
    """Return the number without decimals and with commas: "12,500"; a dash for None."""
    return "–" if number is None else f"{number:,.0f}"


def number_and_noun(number: int, noun: str) -> str:
    """Return "1 run", "2 runs"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
