"""python -m tools.bench.lateness: evaluate the shape late_pipelines over a simulated year; fail if it misses a goal.

For each rhythm and time zone it prints the hours of false alarms, the share of single missed starts that were noticed
in time, the median minutes until then, and the share of stopped jobs that were noticed. The goals are in decision 0016.
"""

import argparse
import os
import random
import statistics
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from tools.support.rhythms import RHYTHMS, Rhythm, starts_of

MINUTE, HOUR, DAY = 60, 3600, 86400
BEGIN = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
END = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
FIRST_DAY = date(2025, 10, 1)
JITTER = 5 * MINUTE
# Each of the following tuples has beginnings of names in RHYTHMS. For irregular rhythms no start is expected.
IRREGULAR = ("irregular", "by hand", "by events")
# Rhythms of more than a week.
LONGER = ("every other week", "monthly")
# These starts are so close together that random delays hide single misses.
CLOSE = ("every 15 min", "three at a time")
# If several starts are close together, the rule expects only the first. So a missing later start is not noticed.
TOGETHER = ("three at a time",)
OUTAGE = (datetime(2026, 2, 9, tzinfo=UTC).timestamp(), datetime(2026, 2, 16, tzinfo=UTC).timestamp())
HOLIDAYS = (date(2026, 4, 6), date(2026, 5, 25))
MOVED_AT = datetime(2026, 9, 7, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class SimulationSize:
    """`every`: seconds between two evaluated moments. `misses`, `stops`: number of trials per rhythm."""

    begin: float = BEGIN
    end: float = END
    every: int = 15 * MINUTE
    misses: int = 60
    stops: int = 10
    rhythms: tuple[str, ...] = tuple(RHYTHMS)
    zones: tuple[str, ...] = ("UTC", "Europe/Berlin", "America/New_York")
    scenarios: tuple[str, ...] = ("plain", "outage week", "holidays", "moved by 3 hours")


@dataclass(frozen=True, slots=True)
class ResultLine:
    """One line of the result. A value that was not measured is None."""

    rhythm: str
    zone: str
    scenario: str
    false_hours: float
    noticed: float | None = None
    minutes: float | None = None
    stops_noticed: float | None = None

    @property
    def missed_goals(self) -> list[str]:
        """Return the names of the goals that this line misses; empty if there are none."""
        irregular, longer = self.rhythm.startswith(IRREGULAR), self.rhythm.startswith(LONGER)
        goals = []
        if self.false_hours > (10 if irregular else 1):
            goals.append("false alarms")
        if not irregular and not self.rhythm.startswith(CLOSE) and self.noticed is not None and self.noticed < 0.95:
            goals.append("single misses")
        may_notice_stops = not irregular and not self.rhythm.startswith(TOGETHER)
        if (
            may_notice_stops
            and self.stops_noticed is not None
            and self.stops_noticed < (0.9 if longer or self.rhythm.startswith(CLOSE) else 0.95)
        ):
            goals.append("stopped jobs")
        return goals


def simulate(connection: Any, size: SimulationSize) -> Iterator[ResultLine]:
    """Yield a line for each rhythm, zone and scenario, measured in an empty, migrated database."""
    for name in size.rhythms:
        for zone in size.zones:
            for scenario in size.scenarios if not name.startswith(IRREGULAR) else ("plain",):
                yield _measured(connection, size, name, zone, scenario)


def _measured(connection: Any, size: SimulationSize, name: str, zone: str, scenario: str) -> ResultLine:
    rhythm = _moved(RHYTHMS[name]) if scenario.startswith("moved") else RHYTHMS[name]
    planned = starts_of(rhythm, zone, JITTER, FIRST_DAY, END)
    starts = [start for start in planned if not _is_removed(start, scenario)]
    client = _store_runs(connection, starts)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE clients, pipelines, runs")
    moments = [float(moment) for moment in range(int(size.begin), int(size.end), size.every)]
    late = _late_at(connection, client, moments)
    false_alarms = [moment for moment in late if not _is_justified(planned, starts, moment, scenario)]
    row = ResultLine(name, zone, scenario, false_hours=len(false_alarms) * size.every / HOUR)
    if scenario != "plain" or name.startswith(IRREGULAR):
        return row
    starts_in_year = [start for start in starts if size.begin < start < size.end]
    # A fixed seed, so that two runs of the benchmark remove the same starts.
    rng = random.Random(5)
    limit = 3 * DAY if name.startswith(LONGER) else 90 * MINUTE
    misses = rng.sample(
        starts_in_year, min(size.misses if not name.startswith(CLOSE) else size.misses // 3, len(starts_in_year))
    )
    waited = [_noticed_after(connection, starts, due, limit, stopped=False) for due in misses]
    stops = rng.sample(starts_in_year, min(size.stops, len(starts_in_year)))
    stopped = [_noticed_after(connection, starts, due, limit, stopped=True) for due in stops]
    minutes = [seconds / MINUTE for seconds in waited if seconds is not None]
    return ResultLine(
        name, zone, scenario, row.false_hours, noticed=len(minutes) / len(waited),
        minutes=statistics.median(minutes) if minutes else None,
        stops_noticed=sum(seconds is not None for seconds in stopped) / len(stopped),
    )  # fmt: skip


def _moved(rhythm: Rhythm) -> Rhythm:
    def moved(day: date, rng: random.Random) -> list[tuple[int, int]]:
        later = 3 if datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() >= MOVED_AT else 0
        return [((hour + later) % 24, minute) for hour, minute in rhythm(day, rng)]

    return moved


def _is_removed(start: float, scenario: str) -> bool:
    if scenario == "outage week":
        return OUTAGE[0] <= start < OUTAGE[1]
    return scenario == "holidays" and datetime.fromtimestamp(start, UTC).date() in HOLIDAYS


def _is_justified(planned: Sequence[float], starts: Sequence[float], moment: float, scenario: str) -> bool:
    """Return whether an alarm is right: a planned start is missing, or the schedule moved in the last three weeks."""
    if scenario.startswith("moved") and MOVED_AT <= moment < MOVED_AT + 21 * DAY:
        return True
    past_starts = bisect_right(starts, moment)
    return bool(past_starts) and bisect_right(planned, moment) > bisect_right(planned, starts[past_starts - 1])


def _noticed_after(
    connection: Any, starts: Sequence[float], due: float, limit: float, *, stopped: bool
) -> float | None:
    """Return the seconds from the missing start `due` until the pipeline is late.

    Return None if it is not late before the next start or within `limit`.
    """
    next_index = bisect_right(starts, due)
    # Store only the starts that the rule reads: those of 70 days, or of 400 days for rhythms of more than a week.
    history = [
        start for start in starts[:next_index] if start > due - (400 if limit > DAY else 70) * DAY and start != due
    ]
    until = min(due + limit, starts[next_index] if next_index < len(starts) and not stopped else due + limit)
    step = 5 * MINUTE if limit < DAY else HOUR
    client = _store_runs(connection, history)
    late = _late_at(connection, client, [due + step * n for n in range(int((until - due) // step) + 1)])
    return late[0] - due if late else None


def _store_runs(connection: Any, starts: Sequence[float]) -> UUID:
    """Create a client with one pipeline and a successful run per start; return the client's id."""
    client, pipeline = uuid4(), uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO clients (id, name, created_at, updated_at) VALUES (%s, %s, now(), now())",
            [client, str(client)],
        )
        cursor.execute(
            "INSERT INTO pipelines (id, client_id, name, platform, pipeline_type, created_at, updated_at)"
            " VALUES (%s, %s, 'simulated', 'cron', 'ingestion', now(), now())",
            [pipeline, client],
        )
        cursor.execute(
            "INSERT INTO runs"
            " (id, created_at, updated_at, pipeline_id, external_run_id, status, started_at, finished_at)"
            " SELECT gen_random_uuid(), now(), now(), %s, n, 'success', to_timestamp(start), to_timestamp(start)"
            " FROM unnest(%s::float8[]) WITH ORDINALITY AS starts (start, n)",
            [pipeline, list(starts)],
        )
    return client


def _late_at(connection: Any, client: UUID, moments: Sequence[float]) -> list[float]:
    """Return the moments at which the pipeline is late according to the shape's SQL."""
    from runs.reporting.shapes import shapes

    # One query evaluates the shape at all moments, because a year has too many for a query each.
    sql = shapes()["late_pipelines"].sql
    for name, value in {
        "as_of": "instant.at", "known_until": "'infinity'", "client_id": f"'{client}'", "platform": "NULL",
        "environment": "NULL",
    }.items():  # fmt: skip
        sql = sql.replace(f"%({name})s", value)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM instant.at)::float8"
            " FROM (SELECT to_timestamp(moment) AS at FROM unnest(%s::float8[]) AS moment) AS instant"
            f" CROSS JOIN LATERAL (\n{sql}\n) AS late ORDER BY 1",
            [list(moments)],
        )
        return [moment for (moment,) in cursor.fetchall()]


def line_of(row: ResultLine) -> str:
    def share(value: float | None) -> str:
        return "–" if value is None else f"{value:.0%}"

    minutes = "–" if row.minutes is None else f"{row.minutes:.0f} min"
    return "   ".join(
        [
            f"{row.rhythm:30} {row.zone:17} {row.scenario:17} {row.false_hours:6.2f} h false",
            f"{share(row.noticed):>5} noticed",
            f"{minutes:>9}",
            f"{share(row.stops_noticed):>5} of stops",
            ", ".join(row.missed_goals) or "ok",
        ]
    )


def main(argv: Sequence[str] | None = None, show: Callable[[str], Any] = print) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rhythm", action="append", choices=sorted(RHYTHMS), help="only this rhythm (may be repeated)")
    parser.add_argument("--every", type=int, default=15, help="minutes between the evaluated moments of the year")
    options = parser.parse_args(argv)
    from chm_project.local.embedded import start_missing_servers
    from tools.bench.servers import create_database, manage

    start_missing_servers()
    os.environ["CHM_DATABASE_URL"] = create_database(os.environ["CHM_DATABASE_URL"], "chm_lateness")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
    manage("migrate", "--verbosity", "0", CHM_DATABASE_URL=os.environ["CHM_DATABASE_URL"])
    import django

    django.setup()
    from django.db import connection

    failed = 0
    for row in simulate(
        connection, SimulationSize(every=options.every * MINUTE, rhythms=tuple(options.rhythm or RHYTHMS))
    ):
        show(line_of(row))
        failed += bool(row.missed_goals)
    show(f"{failed} lines miss a goal." if failed else "All goals are reached.")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
