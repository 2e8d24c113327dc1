"""Several writers write the same runs at the same time.

No write fails, no run is duplicated, the newest version stays.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from inventory.models import Pipeline
from runs.events import RunEvent
from runs.models import Run
from runs.services import Result, record_runs
from runs.tests.source_writes import Source, stored_run

pytestmark = pytest.mark.django_db(transaction=True)


def record(events: list[RunEvent]) -> list[Result]:
    try:
        return record_runs(events)
    finally:
        connection.close()


def record_at_once(*calls: list[RunEvent]) -> None:
    """Record all lists at the same time. Each list has its own database connection."""
    barrier = Barrier(len(calls))

    def work(events: list[RunEvent]) -> None:
        barrier.wait()
        record(events)

    with ThreadPoolExecutor(len(calls)) as pool:
        for future in [pool.submit(work, events) for events in calls]:
            future.result()


def test_running_and_success_written_at_the_same_time_in_any_order_end_in_success(source: Source) -> None:
    runs = [f"run-{number}" for number in range(1000)]
    running = [source.snapshot("running", "10:00", external_run_id=run) for run in runs]
    success = [source.snapshot("success", "10:05", external_run_id=run) for run in runs]

    for start in range(0, 1000, 20):
        page = slice(start, start + 20)
        record_at_once([*running[page], *success[page]], [*success[page], *running[page]])

    assert set(Run.objects.values_list("status", flat=True)) == {"success"}
    assert Run.objects.count() == 1000


def test_two_writers_of_the_same_versions_in_opposite_orders_both_finish(source: Source) -> None:
    runs = [f"run-{number}" for number in range(200)]
    early = [source.snapshot("running", "10:00", external_run_id=run) for run in runs]
    late = [source.snapshot("failed", "10:05", external_run_id=run) for run in runs]
    record_runs(early[:100])

    for _ in range(5):
        record_at_once([*late, *early], list(reversed([*early, *late])))

    assert set(Run.objects.values_list("status", flat=True)) == {"failed"}


def test_a_new_run_that_many_writers_write_at_the_same_time_is_stored_once(source: Source, pipeline: Pipeline) -> None:
    event = source.snapshot("success", "10:00")

    record_at_once(*[[event] for _ in range(8)])

    assert Run.objects.count() == 1
    assert stored_run(pipeline.id).status == "success"


def test_a_replay_does_not_wait_for_a_session_that_locks_the_row(source: Source) -> None:
    """A replay locks no row. So it does not wait for a session that has locked the row."""
    event = source.snapshot("success", "10:00")
    record_runs([event])
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1 FROM runs FOR UPDATE")
        try:
            with ThreadPoolExecutor(1) as pool:
                outcome = pool.submit(record, [event]).result(timeout=10)[0].outcome
        finally:
            cursor.execute("ROLLBACK")

    assert outcome == "unchanged"
