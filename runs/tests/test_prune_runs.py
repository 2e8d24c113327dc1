"""Pruning deletes old runs, except those that show the state of a pipeline. Deleted runs are not stored again."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from chm_project.celery import app as celery_app
from chm_project.tests.api import api_with_scope, field_errors
from inventory.models import Pipeline
from inventory.tests.factories import PipelineFactory
from runs import retention, tasks
from runs.models import Run
from runs.retention import PruneSelection, count_prunable, prune
from runs.rollup.maintenance import differences
from runs.services import record_runs
from runs.tests.factories import RunFactory
from runs.tests.source_writes import Source, write

NOW = datetime(2026, 11, 20, tzinfo=UTC)
CUTOFF = NOW - timedelta(days=400)
OLDER_THAN_400_DAYS = PruneSelection(cutoff=CUTOFF)


def create_run(pipeline: Pipeline, days_ago: float, status: str = "success", **fields: Any) -> Run:
    """Create a run that started and ended this many days before NOW."""
    moment = NOW - timedelta(days=days_ago)
    return RunFactory.create(
        pipeline=pipeline, status=status, **({"started_at": moment, "finished_at": moment} | fields)
    )


def remaining_ages(pipeline: Pipeline) -> list[float]:
    """Return the ages in days of the remaining runs, oldest first."""
    moments = Run.objects.filter(pipeline=pipeline).order_by("event_at").values_list("event_at", flat=True)
    return [(NOW - moment) / timedelta(days=1) for moment in moments]


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH_SIZE", 3)


def test_a_run_exactly_at_the_cutoff_is_kept_and_an_older_one_is_deleted(pipeline: Pipeline) -> None:
    create_run(pipeline, 1)
    run_at_cutoff = create_run(pipeline, 400)
    older_run = create_run(pipeline, 400, finished_at=CUTOFF - timedelta(microseconds=1))

    pruned = prune(OLDER_THAN_400_DAYS)

    assert (pruned.run_count, pruned.pipeline_count, pruned.is_finished) == (1, 1, True)
    assert Run.objects.filter(pk=run_at_cutoff.pk).exists()
    assert not Run.objects.filter(pk=older_run.pk).exists()
    assert differences() == []


def test_the_age_counts_from_finished_at_else_started_at_else_created_at(pipeline: Pipeline) -> None:
    create_run(pipeline, 1)
    create_run(pipeline, 500, finished_at=NOW - timedelta(days=399))
    create_run(pipeline, 401, status="running", finished_at=None)
    without_times = create_run(pipeline, 0, status="canceled", started_at=None, finished_at=None)

    assert prune(OLDER_THAN_400_DAYS).run_count == 1

    assert Run.objects.filter(pk=without_times.pk).exists()
    assert Run.objects.filter(status="running").count() == 0


@pytest.mark.parametrize(
    ("history", "kept_ages"),
    [
        pytest.param([("success", 500)], [500], id="the only run"),
        pytest.param([("success", 600), ("success", 500)], [500], id="the last success"),
        pytest.param([("success", 600), ("canceled", 500)], [600, 500], id="the latest run, canceled"),
        pytest.param([("success", 700), ("skipped", 600), ("running", 500)], [700, 500], id="the latest run, open"),
        pytest.param(
            [("failed", 900), ("success", 800), ("failed", 700), ("canceled", 650), ("failed", 600), ("failed", 10)],
            [800, 700, 600, 10],
            id="the current streak and the success before it",
        ),
        pytest.param([("failed", 900), ("failed", 800)], [900, 800], id="a streak without any success"),
        pytest.param([("failed", 900), ("success", 800), ("success", 1)], [1], id="not a streak before a success"),
        pytest.param(
            [("success", 900), ("failed", 800), ("skipped", 700)], [900, 800, 700], id="the latest decisive run"
        ),
    ],
)
def test_runs_that_show_the_state_of_a_pipeline_are_kept_at_any_age(
    pipeline: Pipeline, history: list[tuple[str, int]], kept_ages: list[int]
) -> None:
    for status, days_ago in history:
        create_run(pipeline, days_ago, status)

    prune(OLDER_THAN_400_DAYS)

    assert remaining_ages(pipeline) == kept_ages
    assert differences() == []


def test_the_last_success_is_decided_by_the_order_of_runs_and_not_by_age(pipeline: Pipeline) -> None:
    """A run without a start comes before every run with a start. So the failed run here is earlier than the success."""
    create_run(pipeline, 500)
    create_run(pipeline, 450, status="failed", started_at=None)

    prune(OLDER_THAN_400_DAYS)

    assert remaining_ages(pipeline) == [500]


def test_keep_failures_keeps_failed_runs_and_other_clients_are_not_pruned(pipeline: Pipeline) -> None:
    other_pipeline = PipelineFactory.create()
    for owner in (pipeline, other_pipeline):
        for status, days_ago in (("failed", 600), ("success", 500), ("success", 1)):
            create_run(owner, days_ago, status)

    pruned = prune(PruneSelection(cutoff=CUTOFF, keep_failures=True, client_id=pipeline.client_id))

    assert pruned.run_count == 1
    assert (remaining_ages(pipeline), remaining_ages(other_pipeline)) == ([600, 1], [600, 500, 1])
    other_pipeline.refresh_from_db()
    assert other_pipeline.pruned_before is None


def test_the_pipeline_stores_the_latest_cutoff_and_is_otherwise_unchanged(pipeline: Pipeline) -> None:
    before = Pipeline.objects.get()

    prune(OLDER_THAN_400_DAYS)
    prune(PruneSelection(cutoff=CUTOFF - timedelta(days=9)))

    after = Pipeline.objects.get()
    assert after.pruned_before == CUTOFF
    assert after.updated_at == before.updated_at


def test_a_source_that_sends_pruned_runs_again_stores_nothing(source: Source, pipeline: Pipeline) -> None:
    moments = [NOW - timedelta(days=days) for days in (500, 450, 400, 1)]
    page = [
        source.snapshot("success", external_run_id=str(number), started_at=moment, finished_at=moment)
        for number, moment in enumerate(moments)
    ]
    assert write(*page) == ["created"] * 4
    prune(OLDER_THAN_400_DAYS)

    results = record_runs(page)

    assert [result.outcome.value for result in results] == ["pruned", "pruned", "unchanged", "unchanged"]
    assert results[0].run_id is None
    assert results[0].error == "Runs of this pipeline from before 2025-10-16T00:00:00Z were pruned."
    assert remaining_ages(pipeline) == [400, 1]
    # More runs than the prepared statement writes.
    many_old_runs = [source.snapshot("failed", external_run_id=f"x{n}", started_at=moments[0]) for n in range(30)]
    assert {result.outcome.value for result in record_runs(many_old_runs)} == {"pruned"}


def test_a_protected_run_is_still_updated_and_a_run_without_times_is_still_stored(
    source: Source, pipeline: Pipeline
) -> None:
    moment = NOW - timedelta(days=500)
    write(source.snapshot("failed", external_run_id="protected", started_at=moment, finished_at=moment))
    prune(OLDER_THAN_400_DAYS)

    outcomes = write(
        source.snapshot("success", external_run_id="protected", started_at=moment, finished_at=moment),
        source.snapshot("running", external_run_id="without times"),
    )

    assert outcomes == ["updated", "created"]


def test_pushes_and_manual_runs_that_are_too_old_are_refused_with_the_reason(pipeline: Pipeline) -> None:
    prune(OLDER_THAN_400_DAYS)
    api = api_with_scope("write")
    old = {"status": "success", "started_at": "2024-01-01T00:00:00Z"}
    reason = "Runs of this pipeline from before 2025-10-16T00:00:00Z were pruned."

    put = api.put(f"/api/v1/pipelines/{pipeline.pk}/runs/7", old)
    manual = api.post(f"/api/v1/pipelines/{pipeline.pk}/runs", old)
    item = old | {"pipeline_id": str(pipeline.pk), "external_run_id": "7"}
    batch = api.post("/api/v1/runs/batch", {"items": [item]})

    assert field_errors(put) == field_errors(manual) == {"started_at": [reason]}
    assert batch.json() == {"items": [{"index": 0, "outcome": "pruned", "error": reason}]}
    assert Run.objects.count() == 0


def test_a_dry_run_prints_the_same_numbers_as_the_deletion(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    now = timezone.now()
    for days in (500, 450, 401, 399):
        RunFactory.create(pipeline=pipeline, started_at=now - timedelta(days=days), finished_at=None)

    call_command("prune_runs", "--older-than", "400d", "--dry-run", "--json")
    counted = json.loads(capsys.readouterr().out)
    assert Run.objects.count() == 4
    assert Pipeline.objects.get().pruned_before is None
    call_command("prune_runs", "--older-than", "400d", "--client", "Northwind", "--json")
    deleted = json.loads(capsys.readouterr().out)

    assert (counted.pop("dry_run"), deleted.pop("dry_run")) == (True, False)
    assert (counted["runs"], counted["pipelines"]) == (deleted["runs"], deleted["pipelines"]) == (3, 1)
    assert Run.objects.count() == 1
    call_command("prune_runs", "--older-than", "400d")
    assert "0 runs of 0 pipelines" in capsys.readouterr().out


@pytest.mark.parametrize("age", ["400", "0d", "-1d", "d", "400h", "1.5d", "99999d"])
def test_an_age_that_is_not_a_number_of_days_is_refused(age: str, db: None) -> None:
    with pytest.raises(CommandError, match="such as 400d"):
        call_command("prune_runs", f"--older-than={age}")


def test_an_unknown_client_is_an_error_with_exit_code_2(db: None) -> None:
    with pytest.raises(CommandError, match="no client named 'Nobody'") as refused:
        call_command("prune_runs", "--older-than", "400d", "--client", "Nobody")

    assert refused.value.returncode == 2


def test_a_second_pruning_continues_after_the_batches_of_an_interrupted_pruning(
    pipeline: Pipeline, small_batches: None
) -> None:
    for days in range(401, 409):
        create_run(pipeline, days)
    create_run(pipeline, 1)
    progress: list[tuple[int, int]] = []

    def interrupt(deleted: int, expected: int) -> None:
        progress.append((deleted, expected))
        if deleted == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prune(OLDER_THAN_400_DAYS, on_batch=interrupt)

    assert progress == [(0, 8), (3, 8), (6, 8)]
    assert Run.objects.count() == 3
    assert sum(count_prunable(OLDER_THAN_400_DAYS).values()) == 2
    assert prune(OLDER_THAN_400_DAYS).run_count == 2
    assert remaining_ages(pipeline) == [1]
    assert differences() == []


def test_a_pruning_that_runs_out_of_time_returns_unfinished(pipeline: Pipeline) -> None:
    create_run(pipeline, 500)
    create_run(pipeline, 1)

    assert not prune(OLDER_THAN_400_DAYS, seconds=0).is_finished
    assert prune(OLDER_THAN_400_DAYS, seconds=60).is_finished
    assert remaining_ages(pipeline) == [1]


@pytest.mark.django_db(transaction=True)
def test_two_prunings_at_once_delete_each_run_once(pipeline: Pipeline, small_batches: None) -> None:
    for number in range(60):
        create_run(pipeline, 401 + number)
    create_run(pipeline, 1)
    barrier = threading.Barrier(2)

    def work() -> int:
        barrier.wait()
        try:
            return prune(OLDER_THAN_400_DAYS).run_count
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        counts = [future.result() for future in [pool.submit(work), pool.submit(work)]]

    assert sum(counts) == 60
    assert remaining_ages(pipeline) == [1]
    assert differences() == []


@pytest.mark.django_db(transaction=True)
def test_runs_that_are_sent_again_during_pruning_are_not_stored(
    source: Source, pipeline: Pipeline, small_batches: None
) -> None:
    moments = [NOW - timedelta(days=400 + number) for number in range(60)]
    page = [
        source.snapshot("success", external_run_id=str(number), started_at=moment, finished_at=moment)
        for number, moment in enumerate(moments)
    ]
    record_runs(page)
    pruning_ended = threading.Event()

    def send_again_until_pruning_ends() -> int:
        replay_count = 0
        try:
            while not pruning_ended.is_set() or replay_count == 0:
                record_runs(page)
                replay_count += 1
        finally:
            connection.close()
        return replay_count

    with ThreadPoolExecutor(1) as pool:
        replays = pool.submit(send_again_until_pruning_ends)
        pruned = prune(OLDER_THAN_400_DAYS)
        pruning_ended.set()
        assert replays.result() > 0

    assert pruned.run_count == 59
    assert remaining_ages(pipeline) == [400]
    assert differences() == []


@pytest.fixture
def pruning_settings(settings: Any) -> Any:
    settings.CHM_PRUNE_OLDER_THAN = timedelta(days=400)
    settings.CHM_PRUNE_KEEP_FAILURES = True
    celery_app.loader.import_default_modules()
    return settings


def test_the_scheduled_task_prunes_by_the_settings_and_does_nothing_without_an_age(
    pipeline: Pipeline, pruning_settings: Any
) -> None:
    now = timezone.now()
    for status, days in (("failed", 600), ("success", 500), ("success", 1)):
        RunFactory.create(pipeline=pipeline, status=status, started_at=now - timedelta(days=days), finished_at=None)

    assert celery_app.tasks["runs.prune"].apply().get() == {"runs": 1, "pipelines": 1}
    pruning_settings.CHM_PRUNE_OLDER_THAN = None
    pruning_settings.CHM_PRUNE_KEEP_FAILURES = False
    assert tasks.prune_runs() == {"runs": 0, "pipelines": 0}

    assert Run.objects.count() == 2
