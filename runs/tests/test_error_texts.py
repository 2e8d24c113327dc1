"""Error texts that CHM fetches with a second request. Each text belongs to one failed attempt of a run.

If the source sends the run again, the run stays unchanged, with its text.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.error_texts import ErrorText, store_error_texts
from runs.events import RunEvent
from runs.models import Run
from runs.size_limits import MAX_TEXT_BYTES
from runs.tests.source_writes import Source, at_time, physical_rows, stored_run, write

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[0, 20], ids=["planned", "prepared"], autouse=True)
def statement_form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test twice: with the statement that is planned each time, and with the prepared statement."""
    monkeypatch.setattr("runs.services._MAX_PREPARED_RUNS", request.param)


def store_fetched_text(source: Source, text: str = "task load failed") -> int:
    """Store the text for the current attempt of the run. Return 1 if it was stored, else 0."""
    run = stored_run(source.pipeline_id)
    return store_error_texts([ErrorText(run.pk, run.finished_at, text)])


def test_a_replay_keeps_the_fetched_text_and_is_unchanged(source: Source) -> None:
    write(source.snapshot_versioned_by_request("failed", "10:05", finished_at="10:04"))
    assert store_fetched_text(source) == 1
    before = physical_rows(source.pipeline_id)

    assert write(source.snapshot_versioned_by_request("failed", "10:06", finished_at="10:04")) == ["unchanged"]

    assert physical_rows(source.pipeline_id) == before
    assert stored_run(source.pipeline_id).error_message == "task load failed"


@pytest.mark.parametrize("version", ["10:06", None])
def test_a_change_of_another_field_keeps_the_fetched_text(source: Source, version: str | None) -> None:
    write(source.snapshot("failed", "10:05" if version else None, finished_at="10:04"))
    store_fetched_text(source)

    assert write(source.snapshot("failed", version, finished_at="10:04", rows_processed=7)) == ["updated"]

    run = stored_run(source.pipeline_id)
    assert (run.error_message, run.rows_processed) == ("task load failed", 7)
    assert write(source.snapshot("failed", version, finished_at="10:04", rows_processed=7)) == ["unchanged"]


@pytest.mark.parametrize("change", [{"status": "running"}, {"status": "success"}, {"finished_at": "10:20"}])
def test_a_new_attempt_clears_the_fetched_text(source: Source, change: dict[str, str]) -> None:
    write(source.snapshot("failed", "10:05", finished_at="10:04"))
    store_fetched_text(source)

    changed = {"status": "failed", "finished_at": "10:04"} | change
    assert write(source.snapshot(changed.pop("status"), "10:30", **changed)) == ["updated"]

    run = stored_run(source.pipeline_id)
    assert (run.error_message, run.error_message_fetched) == (None, False)


def test_an_error_text_in_a_snapshot_replaces_the_fetched_text(source: Source) -> None:
    write(source.snapshot("failed", "10:05", finished_at="10:04"))
    store_fetched_text(source)

    assert write(source.snapshot("failed", "10:06", finished_at="10:04", error_message="disk full")) == ["updated"]
    assert stored_run(source.pipeline_id).error_message == "disk full"
    assert store_fetched_text(source) == 0, "a late second request must not replace the text of the source"
    assert write(source.snapshot("failed", "10:07", finished_at="10:04")) == ["updated"]
    assert stored_run(source.pipeline_id).error_message is None, "the source removed its own text"


def test_a_text_that_arrives_after_the_next_attempt_is_not_stored(source: Source) -> None:
    write(source.snapshot("failed", "10:05", finished_at="10:04"))
    first_attempt = stored_run(source.pipeline_id)
    write(source.snapshot("failed", "10:30", finished_at="10:29"))

    assert store_error_texts([ErrorText(first_attempt.pk, first_attempt.finished_at, "of the first attempt")]) == 0
    assert stored_run(source.pipeline_id).error_message is None


def test_a_text_is_scrubbed_and_cut(source: Source) -> None:
    write(source.snapshot("failed", "10:05"))

    store_fetched_text(source, "password=hunter2 " + "x" * 2 * MAX_TEXT_BYTES)

    text = stored_run(source.pipeline_id).error_message or ""
    assert "hunter2" not in text
    assert len(text.encode()) <= MAX_TEXT_BYTES


minutes = st.integers(0, 2).map(lambda minute: at_time("10:00") + timedelta(minutes=minute))
snapshots = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["running", "failed", "failed", "success"]),
        "source_updated_at": minutes,
        "finished_at": st.none() | minutes,
        "rows_processed": st.none() | st.integers(0, 1),
        "error_message": st.none() | st.none() | st.just("disk full"),
    }
)


def test_second_requests_at_any_time_change_only_the_fetched_text(source: Source) -> None:
    @settings(deadline=None, max_examples=150, derandomize=True)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        writes = data.draw(st.lists(snapshots, min_size=1, max_size=6))
        shuffled = data.draw(st.permutations([*writes, *data.draw(st.lists(st.sampled_from(writes), max_size=3))]))
        requests = data.draw(st.lists(st.booleans(), min_size=len(shuffled), max_size=len(shuffled)))

        Run.objects.all().delete()
        without_requests = _final_row(source, writes, lambda number: False)
        Run.objects.all().delete()
        with_requests = _final_row(source, shuffled, requests.__getitem__)

        assert with_requests == without_requests
        if without_requests["status"] == "failed" and without_requests["error_message"] is None:
            store_fetched_text(source)
            replay_outcomes = write(*(_event(source, fields) for fields in writes))
            assert set(replay_outcomes) <= {"unchanged", "stale"}, "a replay must not change a row with a fetched text"
            assert stored_run(source.pipeline_id).error_message == "task load failed"

    check()


def _event(source: Source, fields: dict[str, object]) -> RunEvent:
    return RunEvent(pipeline_id=source.pipeline_id, external_run_id="run-1", **fields)  # type: ignore[arg-type]


def _final_row(
    source: Source, writes: list[dict[str, object]], is_requested: Callable[[int], bool]
) -> dict[str, object]:
    """Write the run, with a second request after some writes. Return the stored row without the fetched text."""
    for number, fields in enumerate(writes):
        write(_event(source, fields))
        if is_requested(number):
            store_fetched_text(source)
    run = stored_run(source.pipeline_id)
    names = ("status", "started_at", "finished_at", "duration_seconds", "rows_processed", "source_updated_at")
    text_of_source = None if run.error_message_fetched else run.error_message
    return {name: getattr(run, name) for name in names} | {"error_message": text_of_source}
