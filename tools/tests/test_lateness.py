"""Run six weeks of the simulation of late pipelines. `python -m tools.bench.lateness` runs a year."""

from datetime import UTC, datetime

import pytest
from django.db import connection

from tools.bench.lateness import HOUR, ResultLine, SimulationPlan, simulate

SIX_WEEKS = SimulationPlan(
    # The weeks around the end of March, in which the clocks of New York, Berlin and Sydney change.
    begin=datetime(2026, 3, 2, tzinfo=UTC).timestamp(),
    end=datetime(2026, 4, 13, tzinfo=UTC).timestamp(),
    step_seconds=HOUR, missed_start_count=10, stop_count=2, zones=("Europe/Berlin",), scenarios=("plain", "holidays"),
    rhythms=("daily Mon-Fri 06:00", "hourly 08-18 Mon-Fri", "weekly, Monday", "irregular, 0-5 a day"),
)  # fmt: skip


@pytest.mark.django_db
def test_the_shape_reports_every_missed_start_and_no_other_when_clocks_change() -> None:
    result_lines = list(simulate(connection, SIX_WEEKS))

    assert [line for line in result_lines if line.missed_goals] == []
    # Two scenarios of three regular rhythms, and one of the irregular rhythm. Only the
    # scenario "plain" has a noticed_share.
    assert [line.false_alarm_hours for line in result_lines] == [0] * 7
    assert [line.noticed_share for line in result_lines if line.noticed_share is not None] == [1, 1, 1]


def test_a_result_line_lists_the_goals_that_it_misses() -> None:
    assert ResultLine("hourly", "UTC", "plain", 1.5, 0.9, 30, 0.9).missed_goals == [
        "false alarms", "single misses", "stopped jobs",
    ]  # fmt: skip
    assert ResultLine("irregular, 0-5 a day", "UTC", "plain", 9.5).missed_goals == []
