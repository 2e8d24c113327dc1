"""Error texts fetched by a second request: kept with the attempt that they explain, and never compared."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.error_texts import ErrorText, keep_error_texts
from runs.events import RunEvent
from runs.limits import MAX_TEXT_BYTES
from runs.models import Run
from runs.tests.writes import Source, at, row_version, stored, write

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[0, 20], ids=["planned", "prepared"], autouse=True)
def form_of_the_statement(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few runs are written by the statement's prepared form, a page by the one that is planned for it."""
    monkeypatch.setattr("runs.services._FEW", request.param)


def explain(source: Source, text: str = "task load failed") -> int:
    run = stored(source.pipeline_id)
    return keep_error_texts([ErrorText(run.pk, run.finished_at, text)])


def test_a_replay_of_the_listing_keeps_the_text_and_is_unchanged(source: Source) -> None:
    write(source.asked("failed", "10:05", finished_at="10:04"))
    assert explain(source) == 1
    before = row_version(source.pipeline_id)

    assert write(source.asked("failed", "10:06", finished_at="10:04")) == ["unchanged"]

    assert row_version(source.pipeline_id) == before
    assert stored(source.pipeline_id).error_message == "task load failed"


@pytest.mark.parametrize("version", ["10:06", None])
def test_another_field_that_changes_leaves_the_text(source: Source, version: str | None) -> None:
    write(source.snapshot("failed", "10:05" if version else None, finished_at="10:04"))
    explain(source)

    assert write(source.snapshot("failed", version, finished_at="10:04", rows_processed=7)) == ["updated"]

    run = stored(source.pipeline_id)
    assert (run.error_message, run.rows_processed) == ("task load failed", 7)
    assert write(source.snapshot("failed", version, finished_at="10:04", rows_processed=7)) == ["unchanged"]


@pytest.mark.parametrize("change", [{"status": "running"}, {"status": "success"}, {"finished_at": "10:20"}])
def test_a_new_attempt_clears_the_text(source: Source, change: dict[str, str]) -> None:
    write(source.snapshot("failed", "10:05", finished_at="10:04"))
    explain(source)

    changed = {"status": "failed", "finished_at": "10:04"} | change
    assert write(source.snapshot(changed.pop("status"), "10:30", **changed)) == ["updated"]

    run = stored(source.pipeline_id)
    assert (run.error_message, run.error_message_fetched) == (None, False)


def test_a_text_of_the_source_replaces_the_fetched_one(source: Source) -> None:
    write(source.snapshot("failed", "10:05", finished_at="10:04"))
    explain(source)

    assert write(source.snapshot("failed", "10:06", finished_at="10:04", error_message="disk full")) == ["updated"]
    assert stored(source.pipeline_id).error_message == "disk full"
    assert explain(source) == 0, "and a late second request does not replace it"
    assert write(source.snapshot("failed", "10:07", finished_at="10:04")) == ["updated"]
    assert stored(source.pipeline_id).error_message is None, "the source took its own text back"


def test_a_text_that_comes_after_the_next_attempt_is_dropped(source: Source) -> None:
    write(source.snapshot("failed", "10:05", finished_at="10:04"))
    asked_about = stored(source.pipeline_id)
    write(source.snapshot("failed", "10:30", finished_at="10:29"))

    assert keep_error_texts([ErrorText(asked_about.pk, asked_about.finished_at, "of the first attempt")]) == 0
    assert stored(source.pipeline_id).error_message is None


def test_a_text_is_scrubbed_and_bounded(source: Source) -> None:
    write(source.snapshot("failed", "10:05"))

    explain(source, "password=hunter2 " + "x" * 2 * MAX_TEXT_BYTES)

    kept = stored(source.pipeline_id).error_message or ""
    assert "hunter2" not in kept
    assert len(kept.encode()) <= MAX_TEXT_BYTES


minutes = st.integers(0, 2).map(lambda minute: at("10:00") + timedelta(minutes=minute))
snapshots = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["running", "failed", "failed", "success"]),
        "at": minutes,
        "finished_at": st.none() | minutes,
        "rows_processed": st.none() | st.integers(0, 1),
        "error_message": st.none() | st.none() | st.just("disk full"),
    }
)


def test_in_any_order_of_snapshots_and_questions_the_rows_are_the_same_but_for_the_fetched_text(source: Source) -> None:
    @settings(deadline=None, max_examples=150, derandomize=True)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        writes = data.draw(st.lists(snapshots, min_size=1, max_size=6))
        shuffled = data.draw(st.permutations([*writes, *data.draw(st.lists(st.sampled_from(writes), max_size=3))]))
        questions = data.draw(st.lists(st.booleans(), min_size=len(shuffled), max_size=len(shuffled)))

        Run.objects.all().delete()
        plain = _row(source, writes, lambda number: False)
        Run.objects.all().delete()
        explained = _row(source, shuffled, questions.__getitem__)

        assert explained == plain
        if plain["status"] == "failed" and plain["error_message"] is None:
            explain(source)
            again = write(*(_made(source, each) for each in writes))
            assert set(again) <= {"unchanged", "stale"}, "no replay touches a row that has a fetched text"
            assert stored(source.pipeline_id).error_message == "task load failed"

    check()


def _made(source: Source, fields: dict[str, object]) -> RunEvent:
    return RunEvent(pipeline_id=source.pipeline_id, external_run_id="run-1", **fields)  # type: ignore[arg-type]


def _row(source: Source, writes: list[dict[str, object]], asks: Callable[[int], bool]) -> dict[str, object]:
    """Return the final row, without a text that was fetched."""
    for number, each in enumerate(writes):
        write(_made(source, each))
        if asks(number):
            explain(source)
    run = stored(source.pipeline_id)
    names = ("status", "started_at", "finished_at", "duration_seconds", "rows_processed", "source_updated_at")
    own_text = None if run.error_message_fetched else run.error_message
    return {name: getattr(run, name) for name in names} | {"error_message": own_text}
