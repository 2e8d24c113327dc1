"""How numbers and times are told on the console's pages; without JavaScript, times are UTC and say so."""

from datetime import UTC, datetime


def duration(seconds: float | None) -> str:
    """The two largest units: 42 s, 3 min 5 s, 2 h 10 min, 3 d 4 h."""
    if seconds is None:
        return "–"
    left = round(seconds)
    if left < 60:
        return f"{left} s"
    sizes = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    at = next(place for place, (size, _) in enumerate(sizes) if left >= size)
    told = []
    for size, unit in sizes[at : at + 2]:
        number, left = divmod(left, size)
        if number:
            told.append(f"{number} {unit}")
    return " ".join(told)


def utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def first_line(text: str | None, most: int = 200) -> str:
    """What says most of an error, for one line of a table."""
    line = next((line.strip() for line in (text or "").splitlines() if line.strip()), "")
    return line if len(line) <= most else f"{line[: most - 1]}…"


def share(number: float | None) -> str:
    return "–" if number is None else f"{number * 100:.1f} %"


def minutes(number: float | None) -> str:
    return "–" if number is None else duration(float(number) * 60)


def whole(number: float | None) -> str:
    return "–" if number is None else f"{number:,.0f}"


def counted(number: int, noun: str) -> str:
    """Return "1 run", "2 runs"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
