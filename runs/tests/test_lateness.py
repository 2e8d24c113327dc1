"""Compare the shape late_pipelines with the same rule in Python, on pipelines with many different rhythms."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from runs.models import Run
from runs.reporting.run_shapes import run_shape
from runs.tests.factories import RunFactory
from tools.support.lateness import late
from tools.support.rhythms import RHYTHMS, ZONES, starts_of

SUPPRESSED_CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
pytestmark = pytest.mark.django_db


def pipeline_with_starts(starts: list[float], **pipeline: object) -> Pipeline:
    """Create a pipeline with one success per start."""
    created = PipelineFactory.create(**pipeline)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO runs (id, created_at, updated_at, pipeline_id, external_run_id, status, started_at,"
            " finished_at, duration_seconds)"
            " SELECT gen_random_uuid(), now(), now(), %s, n, 'success', to_timestamp(start),"
            " to_timestamp(start + 20), 20"
            " FROM unnest(%s::float8[]) WITH ORDINALITY AS starts (start, n)",
            [created.pk, starts],
        )
    return created


def utc_time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=SUPPRESSED_CHECKS)
@given(
    rhythm=st.sampled_from(sorted(RHYTHMS)),
    zone=st.sampled_from(ZONES),
    jitter=st.sampled_from([0, 60, 300, 1800]),
    seed=st.integers(0, 10_000),
    lost_share=st.sampled_from([0.0, 0.02, 0.2]),
    weeks=st.sampled_from([2, 9, 9]),
    # This range includes the clock changes of all zones.
    end=st.datetimes(min_value=datetime(2026, 2, 20), max_value=datetime(2026, 12, 1)),  # noqa: DTZ001
    extra_count=st.integers(0, 3),
)
def test_the_shape_agrees_with_the_rule_in_python(
    rhythm: str, zone: str, jitter: int, seed: int, lost_share: float, weeks: int, end: datetime, extra_count: int
) -> None:
    rng = random.Random(seed)
    until = end.replace(tzinfo=UTC).timestamp()
    # The monthly rhythm and the rhythm of every other week need a longer history.
    first_day = utc_time(until).date() - timedelta(weeks=20 if "1st" in rhythm or "other" in rhythm else weeks)
    starts = [
        float(round(start))
        for start in starts_of(RHYTHMS[rhythm], zone, jitter, first_day, until, seed)
        if rng.random() >= lost_share
    ]
    # Add some starts, of which a few are at the same time as other starts. Then remove the last starts.
    starts += [rng.choice(starts) + rng.choice([0, 0, 30, 3600]) for _ in range(extra_count) if starts]
    silence = rng.choice([0, 0, 3600, 90_000, 700_000, 3_000_000])
    starts = sorted(start for start in starts if start <= until - silence)
    Run.objects.all().delete()
    Pipeline.objects.all().delete()
    pipeline_with_starts(starts, name="checked")

    for instant in [until - rng.randrange(7 * 86400) for _ in range(4)] + [until]:
        expected = late(starts, instant)
        rows = run_shape("late_pipelines", as_of=utc_time(instant))

        assert bool(rows) == bool(expected), (utc_time(instant), expected, rows)
        for row in rows:
            assert expected is not None
            assert abs(row["expected_at"].timestamp() - expected.expected_at) < 0.001
            assert abs(row["expected_by"].timestamp() - expected.expected_by) < 0.001


# What the source reports about a pipeline, and the columns of a row


def starts_on_ten_mondays() -> list[float]:
    """Return 06:00 UTC on ten Mondays, the last one 8 June 2026."""
    last = datetime(2026, 6, 8, 6, tzinfo=UTC).timestamp()
    return [last - week * 7 * 86400 for week in reversed(range(10))]


MONDAY_NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


def test_a_pipeline_that_did_not_start_on_monday_is_late_with_a_reason() -> None:
    pipeline = pipeline_with_starts(starts_on_ten_mondays())

    [row] = run_shape("late_pipelines", as_of=MONDAY_NOON)

    assert row["expected_at"] == datetime(2026, 6, 15, 6, tzinfo=UTC)
    assert row["expected_by"] == datetime(2026, 6, 15, 7, tzinfo=UTC)
    assert (row["late_minutes"], row["usual_gap_minutes"]) == (300, 7 * 1440)
    assert row["reason"] == "Started at about 06:00 UTC on each of the last four Mondays"
    assert (row["pipeline_id"], row["client_id"]) == (pipeline.pk, pipeline.client_id)
    assert row["run_id"] == Run.objects.latest_first()[0].pk


def test_a_pipeline_is_still_late_two_weeks_after_a_missed_monday() -> None:
    pipeline_with_starts(starts_on_ten_mondays())

    [row] = run_shape("late_pipelines", as_of=MONDAY_NOON + timedelta(days=14))

    assert row["expected_at"] == datetime(2026, 6, 15, 6, tzinfo=UTC)
    assert row["reason"] == "Started at about 06:00 UTC on each of the four Mondays before"


@pytest.mark.parametrize(
    ("mondays", "number"),
    [
        (["06:00", "06:00", "06:10", "06:20"], "each"),
        (["10:00", "06:00", "06:10", "06:20"], "three"),
        (["10:00", "06:00", "06:10", "07:50"], "two"),
    ],
)
def test_the_reason_says_in_how_many_weeks_the_pipeline_started_at_about_the_expected_time(
    mondays: list[str], number: str
) -> None:
    # Daily at 06:00, except on the last four Mondays before MONDAY_NOON.
    days = [MONDAY_NOON.replace(hour=6) - timedelta(days=days) for days in range(70, 0, -1)]
    times = dict(zip([day for day in days if day.weekday() == 0][-4:], mondays, strict=True))
    pipeline_with_starts(
        [datetime.fromisoformat(f"{day:%Y-%m-%d}T{times.get(day, '06:00')}Z").timestamp() for day in days]
    )

    [row] = run_shape("late_pipelines", as_of=MONDAY_NOON)

    assert row["reason"].endswith(f" UTC on {number} of the last four Mondays")


@pytest.mark.parametrize(
    "state",
    [
        {"source_paused": True},
        {"ingest_due_at": MONDAY_NOON - timedelta(hours=1)},
        {"ingested_through": datetime(2026, 6, 15, 6, 30, tzinfo=UTC)},
        {"source_next_run_at": datetime(2026, 6, 15, 18, tzinfo=UTC)},
        {"is_active": False},
    ],
    ids=["paused", "stale", "read up to a time before it was late", "planned for the evening", "disabled"],
)
def test_a_paused_stale_planned_or_disabled_pipeline_is_not_late(state: dict[str, object]) -> None:
    pipeline_with_starts(starts_on_ten_mondays(), **state)

    assert run_shape("late_pipelines", as_of=MONDAY_NOON) == []


def test_a_start_that_the_source_planned_is_late_after_15_minutes_with_any_history() -> None:
    plan = datetime(2026, 6, 15, 11, tzinfo=UTC)
    pipeline_with_starts(starts_on_ten_mondays()[-1:], source_next_run_at=plan)
    pipeline_with_starts([], source_next_run_at=plan, name="never started")

    assert run_shape("late_pipelines", as_of=plan + timedelta(minutes=15)) == []
    rows = run_shape("late_pipelines", as_of=MONDAY_NOON)

    assert [(row["expected_at"], row["expected_by"]) for row in rows] == [(plan, plan + timedelta(minutes=15))] * 2
    assert {row["reason"] for row in rows} == {"Its source had planned it for 15 June 11:00 UTC"}
    assert [row["last_start_at"] is None for row in rows if row["pipeline_name"] == "never started"] == [True]


def test_a_planned_start_that_is_not_after_the_last_start_is_ignored() -> None:
    pipeline_with_starts(starts_on_ten_mondays(), source_next_run_at=datetime(2026, 6, 8, 6, tzinfo=UTC))

    [row] = run_shape("late_pipelines", as_of=MONDAY_NOON)

    assert row["reason"].startswith("Started at about 06:00 UTC")


def test_a_pipeline_with_an_open_run_is_late_only_if_the_run_is_running_long() -> None:
    pipeline = pipeline_with_starts(starts_on_ten_mondays())
    open_run = RunFactory.create(
        pipeline=pipeline, external_run_id="open", status="running", started_at=None, finished_at=None
    )
    Run.objects.filter(pk=open_run.pk).update(created_at=MONDAY_NOON - timedelta(days=1))

    assert run_shape("late_pipelines", as_of=MONDAY_NOON) == []

    Run.objects.filter(pk=open_run.pk).update(started_at=datetime(2026, 6, 8, 7, tzinfo=UTC))
    assert len(run_shape("late_pipelines", as_of=MONDAY_NOON)) == 1
