"""The summary of a client in a window: counts by status, and the latest run of each pipeline."""

import re
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from chm_project.tests.api import ROOT, UNKNOWN_ID, api_with_scope, assert_error, field_errors
from inventory.models import Client
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.client_summary import client_summary_sql, summarize_client
from runs.models import Run, Status
from runs.run_querysets import in_window
from runs.tests.factories import RunFactory

pytestmark = pytest.mark.django_db

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


def at_hour(hour: int) -> datetime:
    return MIDNIGHT + timedelta(hours=hour)


@pytest.fixture
def api() -> APIClient:
    return api_with_scope("read")


@pytest.fixture
def client() -> Client:
    return ClientFactory.create()


def read_summary(api: APIClient, client: Client, **window: datetime | str) -> dict[str, Any]:
    parameters = {name: time if isinstance(time, str) else time.isoformat() for name, time in window.items()}
    response = api.get(f"{ROOT}/clients/{client.pk}/runs/summary", parameters)
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


@pytest.mark.proves("FR-007", "AC-005")
def test_the_summary_contains_the_window_counts_and_latest_runs(api: APIClient, client: Client) -> None:
    orders = PipelineFactory.create(client=client, name="orders", platform="dbt")
    RunFactory.create(pipeline=orders, status="success", started_at=at_hour(1))
    RunFactory.create(pipeline=orders, status="failed", started_at=at_hour(2))

    assert read_summary(api, client, since=at_hour(0), until=at_hour(3)) == {
        "client_id": str(client.pk),
        "since": "2026-03-01T00:00:00Z",
        "until": "2026-03-01T03:00:00Z",
        "status_counts": {"running": 0, "success": 1, "failed": 1, "canceled": 0, "skipped": 0},
        "latest_by_pipeline": [
            {
                "pipeline_id": str(orders.pk),
                "pipeline_name": "orders",
                "platform": "dbt",
                "latest_status": "failed",
                "latest_run_at": "2026-03-01T02:00:00Z",
            }
        ],
    }


def test_without_runs_all_counts_are_zero(api: APIClient, client: Client) -> None:
    PipelineFactory.create(client=client)

    result = read_summary(api, client)

    assert result["status_counts"] == dict.fromkeys(Status.values, 0)
    assert result["latest_by_pipeline"] == []


def test_the_default_window_is_from_the_epoch_until_now(api: APIClient, client: Client) -> None:
    pipeline = PipelineFactory.create(client=client)
    for started_at in (datetime(1969, 12, 31, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC), at_hour(0)):
        RunFactory.create(pipeline=pipeline, started_at=started_at)
    RunFactory.create(pipeline=pipeline, started_at=timezone.now() + timedelta(hours=1))

    result = read_summary(api, client)

    assert result["since"] == "1970-01-01T00:00:00Z"
    assert abs(datetime.fromisoformat(result["until"]) - timezone.now()) < timedelta(minutes=1)
    assert result["status_counts"]["success"] == 2


@pytest.mark.proves("FR-007", "AC-005")
def test_the_latest_run_is_the_latest_inside_the_window(api: APIClient, client: Client) -> None:
    pipeline = PipelineFactory.create(client=client)
    RunFactory.create(pipeline=pipeline, status="success", started_at=at_hour(1))
    RunFactory.create(pipeline=pipeline, status="failed", started_at=at_hour(3))

    [latest] = read_summary(api, client, since=at_hour(0), until=at_hour(3))["latest_by_pipeline"]

    assert (latest["latest_status"], latest["latest_run_at"]) == ("success", "2026-03-01T01:00:00Z")


def test_since_is_inclusive_and_until_exclusive(api: APIClient, client: Client) -> None:
    pipeline = PipelineFactory.create(client=client)
    RunFactory.create(pipeline=pipeline, started_at=at_hour(1))

    assert read_summary(api, client, since=at_hour(1), until=at_hour(2))["status_counts"]["success"] == 1
    assert read_summary(api, client, since=at_hour(0), until=at_hour(1))["status_counts"]["success"] == 0


def test_a_run_without_a_start_counts_by_event_at(api: APIClient, client: Client) -> None:
    pipeline = PipelineFactory.create(client=client)
    RunFactory.create(pipeline=pipeline, status="failed", started_at=None, finished_at=at_hour(1))

    inside = read_summary(api, client, since=at_hour(1), until=at_hour(2))
    outside = read_summary(api, client, since=at_hour(2), until=at_hour(3))

    assert inside["status_counts"]["failed"] == 1
    assert inside["latest_by_pipeline"][0]["latest_run_at"] is None
    assert outside["status_counts"]["failed"] == 0
    assert outside["latest_by_pipeline"] == []


def test_a_run_with_a_start_is_later_than_a_run_without_a_start(api: APIClient, client: Client) -> None:
    pipeline = PipelineFactory.create(client=client)
    RunFactory.create(pipeline=pipeline, status="failed", started_at=None, finished_at=at_hour(5))
    RunFactory.create(pipeline=pipeline, status="success", started_at=at_hour(1))

    [latest] = read_summary(api, client, since=at_hour(0), until=at_hour(9))["latest_by_pipeline"]

    assert latest["latest_status"] == "success"


def test_disabled_pipelines_and_clients_are_included(api: APIClient) -> None:
    client = ClientFactory.create(is_active=False)
    RunFactory.create(pipeline=PipelineFactory.create(client=client, is_active=False), started_at=at_hour(1))

    result = read_summary(api, client)

    assert result["status_counts"]["success"] == 1
    assert len(result["latest_by_pipeline"]) == 1


def test_pipelines_are_sorted_by_name_and_those_of_other_clients_excluded(api: APIClient, client: Client) -> None:
    for name in ("c", "a", "b"):
        RunFactory.create(pipeline=PipelineFactory.create(client=client, name=name))
    RunFactory.create()

    names = [latest["pipeline_name"] for latest in read_summary(api, client)["latest_by_pipeline"]]

    assert names == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("window", "field"),
    [
        ({"since": at_hour(2), "until": at_hour(1)}, "since"),
        ({"since": at_hour(2), "until": at_hour(2)}, "since"),
        ({"until": datetime(1969, 1, 1, tzinfo=UTC)}, "since"),
        ({"since": datetime(2999, 1, 1, tzinfo=UTC)}, "since"),
        ({"since": "soon"}, "since"),
        ({"until": ""}, "until"),
        ({"until": "0001-01-01T00:00:00+14:00"}, "until"),
    ],
)
def test_an_impossible_window_returns_400(
    api: APIClient, client: Client, window: dict[str, datetime | str], field: str
) -> None:
    parameters = {name: time if isinstance(time, str) else time.isoformat() for name, time in window.items()}

    assert set(field_errors(api.get(f"{ROOT}/clients/{client.pk}/runs/summary", parameters))) == {field}


def test_an_unknown_client_returns_404(api: APIClient) -> None:
    assert_error(api.get(f"{ROOT}/clients/{UNKNOWN_ID}/runs/summary"), 404, "not_found")


# Compare the summary with a simple reference in Python, on random histories with many nulls and ties.

steps = st.none() | st.integers(0, 6)
histories = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(Status.values), steps, steps), min_size=0, max_size=25
)
HOUR, EIGHT_HOURS, THREE_WEEKS = timedelta(hours=1), timedelta(hours=8), timedelta(weeks=3)
EARLIEST_TIME = datetime.min.replace(tzinfo=UTC)
# One run for each pair of a start and an end. Some runs lack the start, the end or both.
ALL_SPANS = [
    (0, Status.values[(start or 0) % 5], start, end) for start in (None, *range(7)) for end in (None, *range(7))
]


def window_time(run: Run) -> datetime:
    return run.started_at or run.finished_at or run.created_at


def run_order(run: Run) -> tuple[datetime, datetime, uuid.UUID]:
    return run.started_at or EARLIEST_TIME, run.finished_at or EARLIEST_TIME, run.pk


# With steps of eight hours, some runs cross midnight, and windows have whole days, which are read from the roll-up.
# With steps of three weeks, windows can be longer than a year. Then client_summary_of_years.sql reads the months.
@pytest.mark.proves("SC-003")
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    history=histories,
    step=st.sampled_from((HOUR, EIGHT_HOURS, THREE_WEEKS)),
    since=st.integers(-20, 6),
    length=st.integers(1, 30),
)
@example(history=[(0, "failed", 1, 2), (0, "success", 1, 0)], step=HOUR, since=0, length=4)
@example(history=[(0, "failed", 1, 2), (0, "success", 1, None)], step=HOUR, since=0, length=4)
@example(history=[(0, "failed", None, 2), (0, "success", None, 1)], step=HOUR, since=0, length=4)
@example(history=[(0, "failed", 0, None), (0, "success", None, 3)], step=HOUR, since=0, length=4)
@example(history=ALL_SPANS, step=EIGHT_HOURS, since=-1, length=7)
@example(history=ALL_SPANS, step=EIGHT_HOURS, since=1, length=5)
@example(history=ALL_SPANS, step=EIGHT_HOURS, since=3, length=3)
@example(history=[(0, "failed", 0, 1), (0, "success", 3, 4), (1, "failed", 4, 4)], step=THREE_WEEKS, since=1, length=19)
@example(
    history=[(0, "failed", 5, 6), (0, "success", 0, 1), (1, "failed", 1, 1)], step=THREE_WEEKS, since=-15, length=19
)
@example(
    history=[(0, "failed", None, 0), (0, "success", None, 3), (1, "failed", 3, 4)], step=THREE_WEEKS, since=1, length=19
)
def test_latest_and_summary_equal_a_reference_in_python(
    db: None,
    history: list[tuple[int, str, int | None, int | None]],
    step: timedelta,
    since: int,
    length: int,
) -> None:
    client = ClientFactory.create()
    pipelines = [PipelineFactory.create(client=client) for _ in range(3)]
    for number, status, start_step, finish_step in history:
        RunFactory.create(
            pipeline=pipelines[number],
            status=status,
            started_at=None if start_step is None else MIDNIGHT + start_step * step,
            finished_at=None if finish_step is None else MIDNIGHT + finish_step * step,
        )
    start, end = MIDNIGHT + since * step, MIDNIGHT + (since + length) * step
    runs = list(Run.objects.filter(pipeline__client=client))
    inside = [run for run in runs if start <= window_time(run) < end]

    result = summarize_client(client_id=client.pk, since=start, until=end)

    assert {status: count for status, count in result.status_counts.items() if count} == Counter(
        run.status for run in inside
    )
    expected = []
    for pipeline in pipelines:
        runs_of_pipeline = [run for run in inside if run.pipeline_id == pipeline.pk]
        if runs_of_pipeline:
            latest = max(runs_of_pipeline, key=run_order)
            expected.append((pipeline.pk, latest.status, latest.started_at))
        all_runs_of_pipeline = [run for run in runs if run.pipeline_id == pipeline.pk]
        assert Run.objects.filter(pipeline=pipeline).latest_first().first() == max(
            all_runs_of_pipeline, key=run_order, default=None
        )
        listed = in_window(Run.objects.filter(pipeline=pipeline), since=start, until=end).latest_first()
        assert list(listed) == sorted(runs_of_pipeline, key=run_order, reverse=True)
    found = [(row["pipeline_id"], row["latest_status"], row["latest_run_at"]) for row in result.latest_by_pipeline]
    assert found == expected


# Query plans with many runs.


@pytest.fixture
def client_with_history(client: Client) -> Client:
    """Create two clients with 20 pipelines of 500 runs, of which 10 have no start. Return one of the clients."""
    for owner in (client, ClientFactory.create()):
        for pipeline in PipelineFactory.create_batch(20, client=owner):
            with connection.cursor() as cursor:
                cursor.execute(
                    """
                    INSERT INTO runs (id, pipeline_id, external_run_id, status, started_at, finished_at)
                    SELECT gen_random_uuid(), %s, n::text, 'success',
                        CASE WHEN n %% 50 > 0 THEN %s + n * interval '1 hour' END,
                        %s + n * interval '1 hour' + interval '10 minutes'
                    FROM generate_series(1, 500) AS n
                    """,
                    [pipeline.pk, MIDNIGHT, MIDNIGHT],
                )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE runs, pipelines, clients")
    return client


def explain(sql: str, parameters: Any = None) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {sql}", parameters)
        return "\n".join(row[0] for row in cursor.fetchall())


def raw_sql(runs: Any) -> str:
    with connection.cursor() as cursor:
        return str(cursor.mogrify(*runs.query.sql_with_params()))


def explain_summary(client: Client, since: datetime, until: datetime) -> str:
    return explain(client_summary_sql(since, until), {"client_id": client.pk, "since": since, "until": until})


@pytest.mark.parametrize("days", [1, 7, 1000])
def test_the_summary_reads_runs_only_by_their_index(client_with_history: Client, days: int) -> None:
    text = explain_summary(client_with_history, MIDNIGHT, MIDNIGHT + timedelta(days=days))

    assert "runs_latest" in text
    assert "Seq Scan on runs" not in text, text


@pytest.mark.parametrize(
    ("since", "until", "runs_per_pipeline"),
    [
        # The latest run, and at most the 10 runs without a start.
        (MIDNIGHT - timedelta(days=1), MIDNIGHT + timedelta(days=1000), 1 + 10),
        # The latest run, the runs of the two half days, and at most 4 runs without a start.
        (MIDNIGHT + timedelta(hours=12), MIDNIGHT + timedelta(days=7, hours=12), 1 + 24 + 4),
    ],
    ids=["whole history", "a week"],
)
def test_the_summary_does_not_read_all_runs_of_its_window(
    client_with_history: Client, since: datetime, until: datetime, runs_per_pipeline: int
) -> None:
    text = explain_summary(client_with_history, since, until)

    reads = re.findall(r"on runs.*\(actual rows=([\d.]+) loops=(\d+)\)", text)
    assert reads
    assert sum(float(rows) * int(loops) for rows, loops in reads) <= 20 * runs_per_pipeline, text


def test_the_query_for_the_latest_run_uses_the_index_and_does_not_sort(client_with_history: Client) -> None:
    runs = Run.objects.filter(pipeline=client_with_history.pipelines.first()).latest_first()[:1]

    text = explain(raw_sql(runs))

    assert "Index Scan using runs_latest" in text, text
    assert "Sort" not in text


@pytest.mark.parametrize("since_days", [0, 5, 19])
def test_the_runs_of_a_window_are_read_from_the_index_runs_latest(client_with_history: Client, since_days: int) -> None:
    since = MIDNIGHT + timedelta(days=since_days)
    runs = in_window(
        Run.objects.filter(pipeline=client_with_history.pipelines.first()), since=since, until=since + timedelta(days=1)
    )

    text = explain(raw_sql(runs.latest_first()[:101]))

    assert "runs_latest" in text, text
    assert "Seq Scan on runs" not in text
