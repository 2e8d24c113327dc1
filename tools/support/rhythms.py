"""Rhythms of simulated pipelines, such as "hourly", for tests of the rule for late pipelines."""

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Sydney")
# A function that returns the starts of a day, each as (hour, minute) in local time.
Rhythm = Callable[[date, random.Random], list[tuple[int, int]]]


def _working_day(day: date) -> bool:
    return day.weekday() < 5


RHYTHMS: dict[str, Rhythm] = {
    "daily 02:30": lambda day, rng: [(2, 30)],
    "daily Mon-Fri 06:00": lambda day, rng: [(6, 0)] if _working_day(day) else [],
    "hourly": lambda day, rng: [(hour, 5) for hour in range(24)],
    "hourly 06-22": lambda day, rng: [(hour, 0) for hour in range(6, 23)],
    "07:00 and 15:00 Mon-Fri": lambda day, rng: [(7, 0), (15, 0)] if _working_day(day) else [],
    "hourly 08-18 Mon-Fri": lambda day, rng: [(hour, 0) for hour in range(8, 19)] if _working_day(day) else [],
    "every 15 min 07-19": lambda day, rng: [(hour, m) for hour in range(7, 19) for m in (0, 15, 30, 45)],
    "every 15 min": lambda day, rng: [(hour, m) for hour in range(24) for m in (0, 15, 30, 45)],
    "three at a time, daily": lambda day, rng: [(2, 30), (2, 35), (2, 40)],
    "every 7 hours": lambda day, rng: [
        (minute // 60, minute % 60) for minute in range(1440) if (day.toordinal() * 1440 + minute) % 420 == 0
    ],
    "weekly, Monday": lambda day, rng: [(5, 0)] if day.weekday() == 0 else [],
    "every other week": lambda day, rng: [(5, 0)] if day.toordinal() % 14 == 3 else [],
    "monthly, the 1st": lambda day, rng: [(4, 0)] if day.day == 1 else [],
    "irregular, 0-5 a day": lambda day, rng: [(rng.randrange(24), rng.randrange(60)) for _ in range(rng.randrange(6))],
    "by hand, one day in ten": lambda day, rng: [(9, 12)] if rng.random() < 0.1 else [],
    "by events, every 10 min or so": lambda day, rng: [
        (minute // 60, minute % 60) for minute in rng.sample(range(1440), 144)
    ],
}


def starts_of(
    rhythm: Rhythm, zone: str, jitter_seconds: float, first_day: date, until: float, seed: int = 1
) -> list[float]:
    """Return the sorted starts of a rhythm as Unix times.

    Each start has a random delay: the absolute value of a normal distribution with deviation `jitter_seconds`.
    """
    rng, day, starts = random.Random(seed), first_day, []
    zone_info = ZoneInfo(zone)
    while (midnight := datetime(day.year, day.month, day.day, tzinfo=zone_info)).timestamp() < until:
        for hour, minute in rhythm(day, rng):
            starts.append(midnight.replace(hour=hour, minute=minute).timestamp() + abs(rng.gauss(0, jitter_seconds)))
        day += timedelta(1)
    return sorted(start for start in starts if start < until)
