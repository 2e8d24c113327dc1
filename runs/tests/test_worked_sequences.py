"""Short sequences of writes to one run, each with the row that CHM stores in the end.

The number in the name of a test says which tests belong to the same sequence.
"""

import itertools

import pytest

from runs.models import Run
from runs.services import Outcome, record_runs
from runs.tests.source_writes import Source, at_time, physical_rows, stored_run, write

pytestmark = pytest.mark.django_db


@pytest.mark.proves("FR-014")
def test_1_a_newer_snapshot_updates(source: Source) -> None:
    outcomes = write(source.snapshot("running", "10:00"), source.snapshot("success", "10:05"))

    assert outcomes == ["created", "updated"]
    assert stored_run(source.pipeline_id).status == "success"


def test_2_an_older_snapshot_is_stale(source: Source) -> None:
    outcomes = write(source.snapshot("success", "10:05"), source.snapshot("running", "10:00"))

    assert outcomes == ["created", "stale"]
    assert stored_run(source.pipeline_id).status == "success"


@pytest.mark.proves("FR-014")
def test_3_a_replay_does_not_write_the_row(source: Source) -> None:
    write(source.snapshot("running", "10:00"))
    before = physical_rows(source.pipeline_id)

    outcomes = write(source.snapshot("running", "10:00"), source.snapshot_versioned_by_request("running", "10:01"))

    assert outcomes == ["unchanged", "unchanged"]
    assert physical_rows(source.pipeline_id) == before


def test_3_a_later_time_from_the_source_changes_only_the_version(source: Source) -> None:
    write(source.snapshot("running", "10:00"))
    before = stored_run(source.pipeline_id)

    outcomes = write(source.snapshot("running", "10:02"), source.snapshot("failed", "10:01"))

    assert outcomes == ["unchanged", "stale"]
    after = stored_run(source.pipeline_id)
    assert (after.status, after.source_updated_at) == ("running", at_time("10:02"))
    assert (after.updated_at, after.ingested_at) == (before.updated_at, before.ingested_at)


def test_4_without_versions_an_ended_run_does_not_go_back_to_running(source: Source) -> None:
    outcomes = write(source.snapshot("success"), source.snapshot("running"))

    assert outcomes == ["created", "stale"]
    assert stored_run(source.pipeline_id).status == "success"


def test_5_without_versions_the_last_write_wins(source: Source) -> None:
    outcomes = write(source.snapshot("running"), source.snapshot("failed"), source.snapshot("success"))

    assert outcomes == ["created", "updated", "updated"]
    assert stored_run(source.pipeline_id).status == "success"


def test_6_a_reopened_run_keeps_its_start_until_it_has_a_new_one(source: Source) -> None:
    outcomes = write(
        source.snapshot("failed", "10:05", started_at="10:00", finished_at="10:05"),
        source.snapshot("running", "10:20"),
    )

    assert outcomes == ["created", "updated"]
    reopened = stored_run(source.pipeline_id)
    assert (reopened.status, reopened.started_at, reopened.finished_at) == ("running", at_time("10:00"), None)

    write(source.snapshot("success", "10:30", started_at="10:21", finished_at="10:30"))

    ended = stored_run(source.pipeline_id)
    assert (ended.status, ended.started_at, ended.duration_seconds) == ("success", at_time("10:21"), 540)


def test_6_the_kept_start_stays_in_later_snapshots_without_a_start(source: Source) -> None:
    write(
        source.snapshot("failed", "10:05", started_at="10:00", finished_at="10:05"),
        source.snapshot("running", "10:20"),
    )
    before = physical_rows(source.pipeline_id)

    assert write(source.snapshot("running", "10:20")) == ["unchanged"]
    assert physical_rows(source.pipeline_id) == before
    assert write(source.snapshot("running", "10:22", payload={"position": 2})) == ["updated"]
    assert stored_run(source.pipeline_id).started_at == at_time("10:00")


def test_6_a_running_run_does_not_keep_a_start_that_the_source_no_longer_sends(source: Source) -> None:
    write(source.snapshot("running", "10:05", started_at="10:00"), source.snapshot("running", "10:20"))

    assert stored_run(source.pipeline_id).started_at is None


def test_7_equal_versions_end_in_the_same_row_in_either_order(source: Source) -> None:
    for writes in itertools.permutations([source.snapshot("failed", "10:05"), source.snapshot("success", "10:05")]):
        Run.objects.all().delete()

        write(*writes)

        assert stored_run(source.pipeline_id).status == "failed"


def test_8_an_older_start_event_adds_the_start(source: Source) -> None:
    outcomes = write(source.end("success", "10:05"), source.start("10:00"))

    assert outcomes == ["created", "updated"]
    run = stored_run(source.pipeline_id)
    assert (run.status, run.started_at, run.finished_at) == ("success", at_time("10:00"), at_time("10:05"))
    assert run.duration_seconds == 300


def test_9_events_in_any_order_end_in_the_same_row(source: Source) -> None:
    events = [source.start("10:00"), source.end("failed", "10:05"), source.end("success", "10:06")]
    for order in itertools.permutations(events):
        Run.objects.all().delete()

        write(*order)

        run = stored_run(source.pipeline_id)
        assert (run.status, run.started_at, run.finished_at) == ("success", at_time("10:00"), at_time("10:06"))


def test_10_an_event_of_type_other_does_not_change_a_run(source: Source) -> None:
    assert write(source.start("10:00"), source.other()) == ["created", "unchanged"]
    assert stored_run(source.pipeline_id).status == "running"


def test_10_an_event_of_type_other_creates_a_run_without_times(source: Source) -> None:
    assert write(source.other()) == ["created"]
    run = stored_run(source.pipeline_id)
    assert (run.status, run.started_at, run.source_updated_at) == ("running", None, None)

    assert write(source.start("10:00")) == ["updated"]
    assert stored_run(source.pipeline_id).started_at == at_time("10:00")


def test_11_versions_of_one_run_in_one_page_are_applied_in_their_order(source: Source) -> None:
    record_runs(
        [
            source.snapshot("running", "10:00"),
            source.snapshot("success", "10:05"),
            source.snapshot("running", "10:00"),
        ]
    )

    assert [run.status for run in Run.objects.all()] == ["success"]


def test_12_values_that_cannot_be_stored_are_left_out_with_a_note(source: Source) -> None:
    outcomes = write(
        source.snapshot(
            "success",
            started_at="10:05",
            finished_at="10:00",
            rows_processed=-5,
            error_message="cannot\x00 log in with password=hunter2",
        )
    )

    assert outcomes == ["created"]
    run = stored_run(source.pipeline_id)
    assert (run.duration_seconds, run.rows_processed) == (None, None)
    assert run.status_reason is not None
    assert "duration_seconds" in run.status_reason
    assert "rows_processed" in run.status_reason
    assert run.error_message == "cannot log in with password=[filtered]"


@pytest.mark.proves("FR-013")
def test_13_an_unknown_status_is_stored_as_failed_with_a_note(source: Source) -> None:
    write(source.snapshot("Exploded", "10:00"))

    run = stored_run(source.pipeline_id)
    assert (run.status, run.status_reason) == ("failed", 'unknown status "Exploded"')


@pytest.mark.parametrize("external_run_id", [None, "", "  ", "\0", True, {"id": 1}, "x" * 256])
def test_13_a_run_without_a_valid_id_is_rejected_and_the_rest_of_its_page_is_stored(
    source: Source, external_run_id: object
) -> None:
    results = record_runs(
        [
            source.snapshot("success", "10:00", external_run_id="good-1"),
            source.snapshot("success", "10:00", external_run_id=external_run_id),
            source.snapshot("success", "10:00", external_run_id="good-2"),
        ]
    )

    assert [result.outcome for result in results] == [Outcome.CREATED, Outcome.REJECTED, Outcome.CREATED]
    assert results[1].error is not None
    assert "external_run_id" in results[1].error
    assert set(Run.objects.values_list("external_run_id", flat=True)) == {"good-1", "good-2"}
