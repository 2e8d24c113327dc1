"""Run a few weeks of the simulation of late pipelines; `python -m tools.bench.lateness` runs a year."""

from datetime import UTC, datetime

import pytest
from django.db import connection

from tools.bench.lateness import HOUR, ResultLine, SimulationSize, simulate

SHORT = SimulationSize(
    # The weeks around the end of March, in which the clocks of New York, Berlin and Sydney change.
    begin=datetime(2026, 3, 2, tzinfo=UTC).timestamp(),
    end=datetime(2026, 4, 13, tzinfo=UTC).timestamp(),
    step_seconds=HOUR, missed_start_count=10, stop_count=2, zones=("Europe/Berlin",), scenarios=("plain", "holidays"),
    rhythms=("daily Mon-Fri 06:00", "hourly 08-18 Mon-Fri", "weekly, Monday", "irregular, 0-5 a day"),
)  # fmt: skip


@pytest.mark.django_db
def test_around_a_clock_change_no_alarm_is_false_and_every_missed_start_is_noticed() -> None:
    rows = list(simulate(connection, SHORT))

    assert [row for row in rows if row.missed_goals] == []
    assert [row.false_alarm_hours for row in rows] == [0] * 7
    assert [row.noticed_share for row in rows if row.noticed_share is not None] == [1, 1, 1]


def test_a_result_line_lists_the_goals_that_it_misses() -> None:
    assert ResultLine("hourly", "UTC", "plain", 1.5, 0.9, 30, 0.9).missed_goals == [
        "false alarms", "single misses", "stopped jobs",
    ]  # fmt: skip
    assert ResultLine("irregular, 0-5 a day", "UTC", "plain", 9.5).missed_goals == []
