"""Shapes return the same rows as simple queries. The simple queries join all tables and rank all runs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.models import Client, Pipeline
from runs.models import Run, Status
from runs.reporting.run_shapes import run_shape
from tools.support.simple_shapes import SIMPLE_QUERIES

AS_OF = datetime(2026, 6, 17, 12, tzinfo=UTC)

# Whole hours, so that equal times and times at the edges of windows are frequent.
HOURS_AGO = st.one_of(st.none(), st.integers(-2, 24 * 35), st.sampled_from([0, 24, 24 * 7, 24 * 30]))
RUNS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(Status.values),
        HOURS_AGO,
        HOURS_AGO,
        st.one_of(st.none(), st.integers(0, 8_000), st.sampled_from([0, 180, 3600])),
    ),
    max_size=40,
)


def hours_ago(hours: int | None) -> datetime | None:
    return None if hours is None else AS_OF - timedelta(hours=hours)


def create_rows(runs: list[Any], active_flags: list[bool], due_hours: list[int | None]) -> None:
    clients = [Client.objects.create(name=f"client {n}", is_active=active_flags[n]) for n in range(3)]
    pipelines = [
        Pipeline.objects.create(
            client=clients[n // 2], name=f"pipeline {n}", platform=("airflow", "dbt", "cron")[n % 3],
            pipeline_type="quality", is_active=active_flags[3 + n], ingest_due_at=hours_ago(due_hours[n]),
            source_url_template=f"https://source.example/{n}/{{run_id}}" if n % 2 else None,
        )
        for n in range(6)
    ]  # fmt: skip
    Run.objects.bulk_create(
        Run(
            pipeline=pipelines[pipeline_index], external_run_id=str(number), status=status,
            started_at=hours_ago(started),
            finished_at=hours_ago(finished), duration_seconds=seconds,
        )
        for number, (pipeline_index, status, started, finished, seconds) in enumerate(runs)
    )  # fmt: skip
    # Store all runs at the same time, inside the windows. Runs without start and end have this time as their event_at.
    Run.objects.update(created_at=hours_ago(5))


@pytest.mark.proves("SC-003")
@pytest.mark.django_db
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    runs=RUNS,
    active_flags=st.lists(st.booleans(), min_size=9, max_size=9),
    due_hours=st.lists(HOURS_AGO, min_size=6, max_size=6),
    limit=st.integers(1, 6),
)
def test_shapes_return_the_same_rows_as_simple_queries(
    runs: list[Any], active_flags: list[bool], due_hours: list[int | None], limit: int
) -> None:
    Run.objects.all().delete()
    Pipeline.objects.all().delete()
    Client.objects.all().delete()
    create_rows(runs, active_flags, due_hours)
    values = {"as_of": AS_OF, "week": hours_ago(24 * 7), "month": hours_ago(24 * 30), "limit": limit}
    for name, simple_query in SIMPLE_QUERIES.items():
        parameters: dict[str, Any] = {"limit": limit} if name == "top_flaky_pipelines" else {}
        rows = run_shape(name, as_of=AS_OF, **parameters)
        with connection.cursor() as cursor:
            cursor.execute(simple_query, values)
            expected = [tuple(float(v) if type(v).__name__ == "Decimal" else v for v in r) for r in cursor.fetchall()]
        # Another test covers the kind of a flaky pipeline.
        rows = [row | {"kind": None} if "kind" in row else row for row in rows]
        # Other tests cover incidents and known failures.
        covered_elsewhere = {"incident", "known", "known_reason", "known_ticket_url", "known_until"}
        rows = [{name: value for name, value in row.items() if name not in covered_elsewhere} for row in rows]
        assert [tuple(row.values()) for row in rows] == expected, name
    streaks = run_shape("failure_streaks", as_of=AS_OF)
    assert run_shape("failure_streaks", as_of=AS_OF, limit=limit) == streaks[:limit]
