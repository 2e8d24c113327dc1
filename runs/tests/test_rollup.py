"""After any change of runs and pipelines, the counts of the schema rollup are right at every commit."""

import threading
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from chm_project.celery import app as celery_app
from chm_project.tests.sql_rows import insert
from inventory.models import Client, Environment, Pipeline, Platform
from inventory.services import set_active
from inventory.tests.factories import ClientFactory, PipelineFactory
from runs.models import Run, Status
from runs.reporting.run_shapes import run_shape
from runs.rollup.maintenance import compact, differences, rebuild
from runs.tests.factories import RunFactory

MARCH_FIRST = datetime(2026, 3, 1, tzinfo=UTC)
ACTIONS = ("insert", "insert", "insert", "update", "update", "delete", "move", "switch", "compact", "rebuild")


class RandomHistories(TestCase):
    @hypothesis_settings(deadline=None, max_examples=60)
    @given(st.integers(0, 2**32), st.lists(st.sampled_from(ACTIONS), min_size=3, max_size=14))
    def test_any_history_leaves_the_counts_exact(self, seed: int, actions: list[str]) -> None:
        random = Random(seed)
        clients = [ClientFactory.create() for _ in range(2)]
        pipelines = [PipelineFactory.create(client=random.choice(clients)) for _ in range(3)]

        for action in actions:
            apply_action(action, random, clients, pipelines)
            assert differences() == [], action


def apply_action(action: str, random: Random, clients: list[Client], pipelines: list[Pipeline]) -> None:
    pipeline = random.choice(pipelines)
    match action:
        case "insert":
            for _ in range(random.randrange(1, 4)):
                RunFactory.create(pipeline=random.choice(pipelines), **random_fields(random))
        case "update":
            Run.objects.filter(pk__in=list(Run.objects.values_list("pk", flat=True)[:2])).update(
                **random_fields(random)
            )
        case "delete":
            Run.objects.filter(pk__in=list(Run.objects.values_list("pk", flat=True)[:1])).delete()
        case "move":
            Pipeline.objects.filter(pk=pipeline.pk).update(
                client=random.choice(clients),
                platform=random.choice(Platform.values),
                environment=random.choice(Environment.values),
            )
        case "switch":
            set_active(Pipeline.objects.filter(pk=pipeline.pk), active=random.random() < 0.5)
        case "compact":
            compact()
        case "rebuild":
            rebuild()


def random_fields(random: Random) -> dict[str, Any]:
    started_at = random.choice([None, MARCH_FIRST + timedelta(minutes=random.randrange(-90_000, 90_000))])
    return {
        "status": random.choice(Status.values),
        "started_at": started_at,
        "finished_at": started_at and random.choice([None, started_at + timedelta(seconds=random.randrange(9_000))]),
        "duration_seconds": random.choice([None, 0, 59, 60, 7_500]),
        "rows_processed": random.choice([None, 0, 1, 2**63 - 1]),
    }


@pytest.mark.django_db
def test_a_row_inserted_by_plain_sql_is_counted_at_once() -> None:
    pipeline = PipelineFactory.create(platform="dbt")

    insert("runs", pipeline_id=pipeline.pk, status="failed", started_at="2026-03-01T23:59:59Z", duration_seconds=61)

    with connection.cursor() as cursor:
        cursor.execute("SELECT day::text, client_id, platform, failed FROM rollup.days")
        assert cursor.fetchall() == [("2026-03-01", pipeline.client_id, "dbt", 1)]
        cursor.execute("SELECT minutes, runs FROM rollup.duration_minutes")
        assert cursor.fetchall() == [(1, 1)]
        cursor.execute("SELECT month::text, pipeline_id, failed FROM rollup.failed_months")
        assert cursor.fetchall() == [("2026-03-01", pipeline.pk, 1)]


@pytest.mark.django_db
def test_an_update_that_changes_no_count_adds_no_row_to_the_counts() -> None:
    run = RunFactory.create(status="success")
    before = count_rows_of_days()

    Run.objects.filter(pk=run.pk).update(error_message="a text", updated_at=datetime.now(UTC))

    assert count_rows_of_days() == before


@pytest.mark.django_db
def test_compaction_leaves_one_row_for_each_key() -> None:
    pipeline = PipelineFactory.create()
    for number in range(5):
        insert("runs", pipeline_id=pipeline.pk, external_run_id=str(number), started_at="2026-03-01T10:00:00Z")
    assert count_rows_of_days() == 5

    compact()

    assert count_rows_of_days() == 1
    assert differences() == []


@pytest.mark.django_db
def test_the_command_finds_and_repairs_a_wrong_count(capsys: pytest.CaptureFixture[str]) -> None:
    RunFactory.create(status="success", started_at=MARCH_FIRST)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE rollup.days SET success = 7")

    with pytest.raises(SystemExit) as ended:
        call_command("rollup", "--verify")
    assert ended.value.code == 1
    assert "rollup.days" in capsys.readouterr().err
    call_command("rollup", "--rebuild")
    call_command("rollup", "--compact")
    call_command("rollup", "--verify")

    assert "The counts agree with the runs." in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_truncating_the_runs_empties_the_counts() -> None:
    RunFactory.create()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE runs CASCADE")

    assert count_rows_of_days() == 0


@pytest.mark.django_db(transaction=True)
def test_concurrent_writes_moves_and_compactions_keep_the_counts_exact() -> None:
    clients = [ClientFactory.create() for _ in range(2)]
    pipelines = [PipelineFactory.create(client=clients[0]) for _ in range(4)]
    errors: list[BaseException] = []

    def repeat(action: Any) -> None:
        try:
            for number in range(25):
                action(number)
        except BaseException as error:  # noqa: BLE001 - the test reports it
            errors.append(error)
        finally:
            connections.close_all()

    def write(number: int) -> None:
        with transaction.atomic():
            for pipeline in pipelines:
                RunFactory.create(pipeline=pipeline, started_at=MARCH_FIRST + timedelta(hours=number))

    def change(_number: int) -> None:
        Run.objects.filter(status="success").update(status="failed")

    def move(number: int) -> None:
        Pipeline.objects.filter(pk=pipelines[number % 4].pk).update(client=clients[number % 2])

    actions = [write, write, change, move, lambda _number: compact()]
    threads = [threading.Thread(target=repeat, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert differences() == []


def count_rows_of_days() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM rollup.days")
        row = cursor.fetchone()
    return int(row[0])


@pytest.mark.django_db
def test_the_scheduled_compaction_expires_before_the_next_one() -> None:
    schedule: dict[str, Any] = settings.CELERY_BEAT_SCHEDULE
    [entry] = [entry for entry in schedule.values() if entry["task"] == "runs.compact_rollup"]
    pipeline = PipelineFactory.create()
    for number in range(2):
        insert("runs", pipeline_id=pipeline.pk, external_run_id=str(number), started_at="2026-03-01T10:00:00Z")

    celery_app.loader.import_default_modules()
    celery_app.tasks[entry["task"]].apply()

    assert count_rows_of_days() == 1
    assert entry["options"]["expires"] < entry["schedule"]


@pytest.mark.django_db
def test_a_rebuild_stores_the_counts_in_the_order_of_time() -> None:
    random = Random(5)
    Run.objects.bulk_create(
        RunFactory.build(pipeline=PipelineFactory.create(), **random_fields(random)) for _ in range(200)
    )
    time_columns = {
        "days": "day",
        "kind_days": "day",
        "client_days": "day",
        "months": "month",
        "failed_months": "month",
        "failed_hours": "hour",
        "duration_minutes": "day",
    }
    # Empty the tables. Otherwise PostgreSQL could store rows in free space of earlier tests.
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(f'rollup.{table}' for table in time_columns)}")

    rebuild()

    for table, column in time_columns.items():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {column} FROM rollup.{table} ORDER BY ctid")
            stored = [row[0] for row in cursor.fetchall()]
        assert len(stored) > 3
        assert stored == sorted(stored), table


@pytest.mark.django_db
def test_reports_over_any_window_equal_counts_of_the_runs() -> None:
    random = Random(7)
    pipelines = [PipelineFactory.create(platform=platform) for platform in Platform.values for _ in range(2)]
    for number in range(3):
        # Compact before the last batch, so that reports read counts from before and after a compaction.
        if number == 2:
            compact()
        Run.objects.bulk_create(
            RunFactory.build(pipeline=random.choice(pipelines), **random_fields(random)) for _ in range(200)
        )
    window_ends = [
        MARCH_FIRST + timedelta(minutes=random.choice([0, 1, 59, 60, 1440]) * random.randrange(-90, 90))
        for _ in range(60)
    ]

    for since, until in zip(window_ends[::2], window_ends[1::2], strict=True):
        since, until = sorted((since, until))
        if since == until:
            continue
        runs = Run.objects.filter(event_at__gte=since, event_at__lt=until)
        window: dict[str, Any] = {"since": since, "until": until, "as_of": until}

        rates = {
            row["platform"]: (row["failures"], row["total_runs"])
            for row in run_shape("failure_rate_by_platform", **window)
        }
        assert rates == {
            row["pipeline__platform"]: (row["failures"], row["total"])
            for row in runs.values("pipeline__platform")
            .order_by()
            .annotate(failures=Count("pk", Q(status="failed")), total=Count("pk"))
        }
        flaky = {
            row["pipeline_id"]: (row["failure_count"], row["total_runs"])
            for row in run_shape("top_flaky_pipelines", since=since, as_of=until)
        }
        assert flaky == {
            row["pipeline"]: (row["failures"], row["total"])
            for row in runs.values("pipeline")
            .order_by()
            .annotate(failures=Count("pk", Q(status="failed")), total=Count("pk"))
            .filter(failures__gt=0)
        }
        for scope in ({}, {"platform": "dbt"}, {"client_id": pipelines[0].client_id}):
            in_scope = {f"pipeline__{name}": value for name, value in scope.items()}
            days = {row["day"]: (row["runs"], row["success"]) for row in run_shape("daily_success", **window, **scope)}
            assert days == {
                row["day"]: (row["total"], row["success"])
                for row in runs.filter(**in_scope)
                .values(day=TruncDate("event_at", tzinfo=UTC))
                .order_by()
                .annotate(total=Count("pk"), success=Count("pk", Q(status="success")))
            }
            week = Run.objects.filter(event_at__gte=until - timedelta(days=7), event_at__lt=until, **in_scope)
            clients = {row["client_id"]: row["runs_7d"] for row in run_shape("client_risk", as_of=until, **scope)}
            assert {client: total for client, total in clients.items() if total} == {
                row["pipeline__client"]: row["total"]
                for row in week.values("pipeline__client").order_by().annotate(total=Count("pk"))
            }
        for bucket in ("minute", "hour", "day", "week"):
            failed = sum(row["failed_runs"] for row in run_shape("failures_over_time", bucket=bucket, **window))
            assert failed == runs.filter(status="failed").count(), bucket
        for seconds, buckets in ((3600, 20), (7200, 7)):
            distribution = run_shape(
                "run_duration_distribution", max_duration_seconds=seconds, bucket_count=buckets, **window
            )
            counted: dict[int, int] = {}
            for duration in runs.values_list("duration_seconds", flat=True):
                if duration is None:
                    continue
                bucket_number = min(duration * buckets // seconds, buckets) + 1
                counted[bucket_number] = counted.get(bucket_number, 0) + 1
            assert {row["duration_bucket"]: row["run_count"] for row in distribution} == counted
