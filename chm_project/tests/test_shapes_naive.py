"""The six dashboard shapes against their textbook forms, which join everything and rank all runs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.models import Client, Pipeline
from runs.models import Run, Status
from runs.reporting.adapter import run_shape

AS_OF = datetime(2026, 6, 17, 12, tzinfo=UTC)

JOINED = "FROM runs r JOIN pipelines p ON p.id = r.pipeline_id JOIN clients c ON c.id = p.client_id"
NAIVE = {
    "failures_over_time": f"""
        SELECT date_trunc('hour', r.event_at, 'UTC'), count(*) {JOINED}
        WHERE r.status = 'failed' AND r.event_at >= %(week)s AND r.event_at < %(as_of)s GROUP BY 1 ORDER BY 1""",
    "latest_status_by_pipeline": """
        SELECT c.name, p.name, p.platform, r.status,
            coalesce(r.started_at, r.finished_at, CASE WHEN r.id IS NOT NULL THEN r.created_at END),
            CASE WHEN p.ingest_due_at < %(as_of)s THEN p.ingest_due_at END
        FROM pipelines p JOIN clients c ON c.id = p.client_id
        LEFT JOIN (
            SELECT *, row_number() OVER (
                PARTITION BY pipeline_id
                ORDER BY started_at DESC NULLS LAST, finished_at DESC NULLS LAST, id DESC
            ) AS place FROM runs
        ) r ON r.pipeline_id = p.id AND r.place = 1
        WHERE p.is_active AND c.is_active ORDER BY c.name, p.name, p.id""",
    "failure_counts_by_client": """
        SELECT c.id, c.name,
            count(r.id) FILTER (WHERE r.event_at >= %(as_of)s::timestamptz - interval '24 hours'),
            count(r.id)
        FROM clients c LEFT JOIN pipelines p ON p.client_id = c.id
        LEFT JOIN runs r ON r.pipeline_id = p.id AND r.status = 'failed' AND r.event_at >= %(week)s
            AND r.event_at < %(as_of)s
        GROUP BY c.id, c.name ORDER BY 3 DESC, 4 DESC, 2""",
    "top_flaky_pipelines": f"""
        WITH recent AS (
            SELECT c.name AS client, p.name AS pipeline, p.id, p.platform, r.status, r.event_at, r.id AS run_id {JOINED}
            WHERE r.event_at >= %(month)s AND r.event_at < %(as_of)s AND p.is_active AND c.is_active
        ), turns AS (
            SELECT id, status, lag(status) OVER (PARTITION BY id ORDER BY event_at, run_id) AS former
            FROM recent WHERE status IN ('success', 'failed')
        )
        SELECT client, pipeline, platform, count(*) FILTER (WHERE status = 'failed'), count(*),
            round(count(*) FILTER (WHERE status = 'failed') / count(*)::numeric, 4),
            (SELECT count(*) FROM turns t WHERE t.id = recent.id AND t.status <> t.former)
        FROM recent GROUP BY id, client, pipeline, platform HAVING count(*) FILTER (WHERE status = 'failed') > 0
        ORDER BY 4 DESC, count(*) FILTER (WHERE status = 'failed') / count(*)::numeric DESC, 5 DESC, 1, 2, id
        LIMIT %(limit)s""",
    "failure_rate_by_platform": f"""
        SELECT p.platform, count(*) FILTER (WHERE r.status = 'failed'), count(*),
            round(count(*) FILTER (WHERE r.status = 'failed') / count(*)::numeric, 4) {JOINED}
        WHERE r.event_at >= %(week)s AND r.event_at < %(as_of)s GROUP BY 1
        ORDER BY count(*) FILTER (WHERE r.status = 'failed') / count(*)::numeric DESC, 2 DESC, 1""",
    "run_duration_distribution": f"""
        SELECT width_bucket(r.duration_seconds, 0, 3600, 20), count(*) {JOINED}
        WHERE r.duration_seconds IS NOT NULL AND r.event_at >= %(week)s AND r.event_at < %(as_of)s
        GROUP BY 1 ORDER BY 1""",
}

# Whole hours, so that ties and window edges are common.
HOURS = st.one_of(st.none(), st.integers(-2, 24 * 35), st.sampled_from([0, 24, 24 * 7, 24 * 30]))
RUNS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(Status.values),
        HOURS,
        HOURS,
        st.one_of(st.none(), st.integers(0, 8_000), st.sampled_from([0, 180, 3600])),
    ),
    max_size=40,
)


def ago(hours: int | None) -> datetime | None:
    return None if hours is None else AS_OF - timedelta(hours=hours)


def plant(runs: list[Any], activity: list[bool], due: list[int | None]) -> None:
    clients = [Client.objects.create(name=f"client {n}", is_active=activity[n]) for n in range(3)]
    pipelines = [
        Pipeline.objects.create(
            client=clients[n // 2], name=f"pipeline {n}", platform=("airflow", "dbt", "cron")[n % 3],
            pipeline_type="quality", is_active=activity[3 + n], ingest_due_at=ago(due[n]),
        )
        for n in range(6)
    ]  # fmt: skip
    Run.objects.bulk_create(
        Run(
            pipeline=pipelines[place], external_run_id=str(number), status=status, started_at=ago(started),
            finished_at=ago(finished), duration_seconds=seconds,
        )
        for number, (place, status, started, finished, seconds) in enumerate(runs)
    )  # fmt: skip
    # Stored at one moment within the windows: what decides where neither time is known.
    Run.objects.update(created_at=ago(5))


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    runs=RUNS,
    activity=st.lists(st.booleans(), min_size=9, max_size=9),
    due=st.lists(HOURS, min_size=6, max_size=6),
    limit=st.integers(1, 6),
)
def test_shapes_equal_their_textbook_forms(
    runs: list[Any], activity: list[bool], due: list[int | None], limit: int
) -> None:
    Run.objects.all().delete()
    Pipeline.objects.all().delete()
    Client.objects.all().delete()
    plant(runs, activity, due)
    values = {"as_of": AS_OF, "week": ago(24 * 7), "month": ago(24 * 30), "limit": limit}
    for name, textbook in NAIVE.items():
        given_limit = {"limit": limit} if name == "top_flaky_pipelines" else {}
        rows = run_shape(name, as_of=AS_OF, **given_limit)
        with connection.cursor() as cursor:
            cursor.execute(textbook, values)
            expected = [tuple(float(v) if type(v).__name__ == "Decimal" else v for v in r) for r in cursor.fetchall()]
        assert [tuple(row.values()) for row in rows] == expected, name
