"""python -m tools.bench.lateness: evaluate the shape late_pipelines over a simulated year; fail if it misses a goal.

For each rhythm, time zone and scenario, the command prints the hours of false alarms. An irregular rhythm has only the
scenario "plain". For the scenario "plain" of a regular rhythm, the command also prints:

- if a single start is missing: how often the shape noticed this in time, and after how many minutes (median),
- if a job stopped and never starts again: how often the shape noticed this in time.

"In time" means within 90 minutes, or within three days if a rhythm is longer than a week. The shape must also notice a
single missing start before the next start.

The goals are in decision 0016.
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
MEASURED_YEAR_START = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
MEASURED_YEAR_END = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
FIRST_SIMULATED_DAY = date(2025, 10, 1)
JITTER_SECONDS = 5 * MINUTE
# Each of the next four tuples has the first words of names in RHYTHMS.
# For an irregular rhythm, CHM does not know when to expect a start.
IRREGULAR = ("irregular", "by hand", "by events")
LONGER_THAN_A_WEEK = ("every other week", "monthly")
# These starts follow each other so closely (5 or 15 minutes) that the random delays hide a single missing start.
CLOSE_STARTS = ("every 15 min", "three at a time")
# These jobs start several times in a short time. CHM expects only the first of these starts.
GROUPED_STARTS = ("three at a time",)
OUTAGE_WEEK = (datetime(2026, 2, 9, tzinfo=UTC).timestamp(), datetime(2026, 2, 16, tzinfo=UTC).timestamp())
HOLIDAYS = (date(2026, 4, 6), date(2026, 5, 25))
SCHEDULE_MOVED_AT = datetime(2026, 9, 7, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """What is simulated. `begin` and `end` are Unix times.

    `missed_start_count` is the number of trials per rhythm and time zone in which one start is missing. The rhythms in
    CLOSE_STARTS have only a third of these trials.
    `stop_count` is the number of trials in which all later starts are missing too.
    """

    begin: float = MEASURED_YEAR_START
    end: float = MEASURED_YEAR_END
    step_seconds: int = 15 * MINUTE
    missed_start_count: int = 60
    stop_count: int = 10
    rhythms: tuple[str, ...] = tuple(RHYTHMS)
    zones: tuple[str, ...] = ("UTC", "Europe/Berlin", "America/New_York")
    scenarios: tuple[str, ...] = ("plain", "outage week", "holidays", "moved by 3 hours")


@dataclass(frozen=True, slots=True)
class ResultLine:
    """One line of the result. A value that was not measured is None.

    `noticed_share`: the share of the single missing starts that the shape noticed in time.
    `median_minutes`: the median minutes from a missing start until the shape noticed it.
    `noticed_stop_share`: the share of the stopped jobs that the shape noticed in time.
    """

    rhythm: str
    zone: str
    scenario: str
    false_alarm_hours: float
    noticed_share: float | None = None
    median_minutes: float | None = None
    noticed_stop_share: float | None = None

    @property
    def missed_goals(self) -> list[str]:
        """Return the names of the goals that this line misses; empty if there are none."""
        irregular, longer = self.rhythm.startswith(IRREGULAR), self.rhythm.startswith(LONGER_THAN_A_WEEK)
        goals = []
        if self.false_alarm_hours > (10 if irregular else 1):
            goals.append("false alarms")
        if (
            not irregular
            and not self.rhythm.startswith(CLOSE_STARTS)
            and self.noticed_share is not None
            and self.noticed_share < 0.95
        ):
            goals.append("single misses")
        must_notice_stops = not irregular and not self.rhythm.startswith(GROUPED_STARTS)
        if (
            must_notice_stops
            and self.noticed_stop_share is not None
            and self.noticed_stop_share < (0.9 if longer or self.rhythm.startswith(CLOSE_STARTS) else 0.95)
        ):
            goals.append("stopped jobs")
        return goals


def simulate(connection: Any, plan: SimulationPlan) -> Iterator[ResultLine]:
    """Yield a line for each rhythm, zone and scenario of the rhythm, measured in an empty, migrated database."""
    for rhythm_name in plan.rhythms:
        for zone in plan.zones:
            for scenario in plan.scenarios if not rhythm_name.startswith(IRREGULAR) else ("plain",):
                yield _measure(connection, plan, rhythm_name, zone, scenario)


def _measure(connection: Any, plan: SimulationPlan, rhythm_name: str, zone: str, scenario: str) -> ResultLine:
    rhythm = _moved_rhythm(RHYTHMS[rhythm_name]) if scenario.startswith("moved") else RHYTHMS[rhythm_name]
    planned = starts_of(rhythm, zone, JITTER_SECONDS, FIRST_SIMULATED_DAY, MEASURED_YEAR_END)
    starts = [start for start in planned if not _start_is_removed(start, scenario)]
    client_id = _store_runs(connection, starts)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE clients, pipelines, runs")
    moments = [float(moment) for moment in range(int(plan.begin), int(plan.end), plan.step_seconds)]
    late_moments = _late_moments(connection, client_id, moments)
    false_alarms = [moment for moment in late_moments if not _alarm_is_right(planned, starts, moment, scenario)]
    result_line = ResultLine(
        rhythm_name, zone, scenario, false_alarm_hours=len(false_alarms) * plan.step_seconds / HOUR
    )
    if scenario != "plain" or rhythm_name.startswith(IRREGULAR):
        return result_line
    starts_in_year = [start for start in starts if plan.begin < start < plan.end]
    # A fixed seed, so that two runs of the benchmark remove the same starts.
    rng = random.Random(5)
    limit_seconds = 3 * DAY if rhythm_name.startswith(LONGER_THAN_A_WEEK) else 90 * MINUTE
    missed_starts = rng.sample(
        starts_in_year,
        min(
            plan.missed_start_count // 3 if rhythm_name.startswith(CLOSE_STARTS) else plan.missed_start_count,
            len(starts_in_year),
        ),
    )
    miss_delays = [
        _seconds_until_late(connection, starts, start, limit_seconds, job_stopped=False) for start in missed_starts
    ]
    first_missing_starts = rng.sample(starts_in_year, min(plan.stop_count, len(starts_in_year)))
    stop_delays = [
        _seconds_until_late(connection, starts, start, limit_seconds, job_stopped=True)
        for start in first_missing_starts
    ]
    minutes_until_noticed = [seconds / MINUTE for seconds in miss_delays if seconds is not None]
    return ResultLine(
        rhythm_name, zone, scenario, result_line.false_alarm_hours,
        noticed_share=len(minutes_until_noticed) / len(miss_delays),
        median_minutes=statistics.median(minutes_until_noticed) if minutes_until_noticed else None,
        noticed_stop_share=sum(seconds is not None for seconds in stop_delays) / len(stop_delays),
    )  # fmt: skip


def _moved_rhythm(rhythm: Rhythm) -> Rhythm:
    def moved_starts(day: date, rng: random.Random) -> list[tuple[int, int]]:
        later = 3 if datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() >= SCHEDULE_MOVED_AT else 0
        return [((hour + later) % 24, minute) for hour, minute in rhythm(day, rng)]

    return moved_starts


def _start_is_removed(start: float, scenario: str) -> bool:
    if scenario == "outage week":
        return OUTAGE_WEEK[0] <= start < OUTAGE_WEEK[1]
    return scenario == "holidays" and datetime.fromtimestamp(start, UTC).date() in HOLIDAYS


def _alarm_is_right(planned: Sequence[float], starts: Sequence[float], moment: float, scenario: str) -> bool:
    """Return whether an alarm at this moment is right.

    It is right if a planned start is missing. It also counts as right in the three weeks after the schedule moved,
    because CHM first has to learn the new schedule.
    """
    if scenario.startswith("moved") and SCHEDULE_MOVED_AT <= moment < SCHEDULE_MOVED_AT + 21 * DAY:
        return True
    past_start_count = bisect_right(starts, moment)
    if not past_start_count:
        return False
    return bisect_right(planned, moment) > bisect_right(planned, starts[past_start_count - 1])


def _seconds_until_late(
    connection: Any, starts: Sequence[float], missing_start: float, limit_seconds: float, *, job_stopped: bool
) -> float | None:
    """Return the seconds from the missing start until the shape reports the pipeline as late.

    Return None if the shape does not report it within `limit_seconds`. If the job has not stopped, the shape must also
    report it before the next start.
    """
    next_index = bisect_right(starts, missing_start)
    # Store no more starts than the shape needs: 70 days are enough, and 400 days if a rhythm is longer than a week.
    oldest = missing_start - (400 if limit_seconds > DAY else 70) * DAY
    stored_starts = [start for start in starts[:next_index] if start > oldest and start != missing_start]
    latest_moment = missing_start + limit_seconds
    if not job_stopped and next_index < len(starts):
        latest_moment = min(latest_moment, starts[next_index])
    step_seconds = 5 * MINUTE if limit_seconds < DAY else HOUR
    client_id = _store_runs(connection, stored_starts)
    step_count = int((latest_moment - missing_start) // step_seconds) + 1
    late_moments = _late_moments(
        connection, client_id, [missing_start + step_seconds * step for step in range(step_count)]
    )
    return late_moments[0] - missing_start if late_moments else None


def _store_runs(connection: Any, starts: Sequence[float]) -> UUID:
    """Create a client with one pipeline and a successful run per start; return the client's id."""
    client_id, pipeline_id = uuid4(), uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO clients (id, name, created_at, updated_at) VALUES (%s, %s, now(), now())",
            [client_id, str(client_id)],
        )
        cursor.execute(
            "INSERT INTO pipelines (id, client_id, name, platform, pipeline_type, created_at, updated_at)"
            " VALUES (%s, %s, 'simulated', 'cron', 'ingestion', now(), now())",
            [pipeline_id, client_id],
        )
        cursor.execute(
            "INSERT INTO runs"
            " (id, created_at, updated_at, pipeline_id, external_run_id, status, started_at, finished_at)"
            " SELECT gen_random_uuid(), now(), now(), %s, n, 'success', to_timestamp(start), to_timestamp(start)"
            " FROM unnest(%s::float8[]) WITH ORDINALITY AS starts (start, n)",
            [pipeline_id, list(starts)],
        )
    return client_id


def _late_moments(connection: Any, client_id: UUID, moments: Sequence[float]) -> list[float]:
    """Return the moments at which the shape reports the client's pipeline as late."""
    from runs.reporting.shapes import shapes

    # With one moment every 15 minutes, a year has 35,040 moments. So evaluate the shape for all moments in one query.
    sql = shapes()["late_pipelines"].sql
    for name, value in {
        "as_of": "instant.at", "state_at": "'infinity'", "client_id": f"'{client_id}'", "platform": "NULL",
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


def as_text(result: ResultLine) -> str:
    def share(value: float | None) -> str:
        return "–" if value is None else f"{value:.0%}"

    median = "–" if result.median_minutes is None else f"{result.median_minutes:.0f} min"
    return "   ".join(
        [
            f"{result.rhythm:30} {result.zone:17} {result.scenario:17} {result.false_alarm_hours:6.2f} h false",
            f"{share(result.noticed_share):>5} noticed",
            f"{median:>9}",
            f"{share(result.noticed_stop_share):>5} of stops",
            ", ".join(result.missed_goals) or "ok",
        ]
    )


def main(argv: Sequence[str] | None = None, print_line: Callable[[str], Any] = print) -> int:
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

    failed_count = 0
    for result_line in simulate(
        connection, SimulationPlan(step_seconds=options.every * MINUTE, rhythms=tuple(options.rhythm or RHYTHMS))
    ):
        print_line(as_text(result_line))
        failed_count += bool(result_line.missed_goals)
    print_line(f"{failed_count} lines miss a goal." if failed_count else "All goals are reached.")
    return min(failed_count, 1)


if __name__ == "__main__":
    sys.exit(main())
