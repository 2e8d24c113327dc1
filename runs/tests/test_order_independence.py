"""The order of writes with a version does not change the stored rows.

Some writes are repeated, and pages have different sizes.
"""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.events import RunEvent, WriteKind
from runs.models import Run, Status
from runs.services import record_runs
from runs.tests.source_writes import Source, at_time

pytestmark = pytest.mark.django_db

minutes = st.integers(0, 3).map(lambda minute: at_time("10:00") + timedelta(minutes=minute))
fields = {
    "external_run_id": st.sampled_from(["run-1", "run-2"]),
    "status": st.sampled_from(Status.values),
    "source_updated_at": minutes,
    "started_at": st.none() | minutes,
    "finished_at": st.none() | minutes,
    "rows_processed": st.none() | st.integers(0, 2),
    "error_message": st.none() | st.sampled_from(["disk full", "späte Daten"]),
    "payload": st.none() | st.sampled_from([{"a": 1}, {"a": 1.0}, {"b": [None, "x"]}]),
}
snapshots = st.fixed_dictionaries({**fields, "duration_seconds": st.none() | st.integers(0, 90)})
events = st.fixed_dictionaries(fields)
COMPARED_COLUMNS = (
    "external_run_id", "status", "started_at", "finished_at", "duration_seconds", "rows_processed", "error_message",
    "status_reason", "payload", "source_updated_at",
)  # fmt: skip


@pytest.fixture(params=[0, 20], ids=["planned", "prepared"], autouse=True)
def statement_form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test twice: with the statement that is planned each time, and with the prepared statement."""
    monkeypatch.setattr("runs.services._MAX_PREPARED_RUNS", request.param)


def rows_after(pages: Sequence[Sequence[RunEvent]]) -> list[dict[str, object]]:
    Run.objects.all().delete()
    for page in pages:
        record_runs(page)
    rows = []
    for run in Run.objects.order_by("external_run_id"):
        row = {name: getattr(run, name) for name in COMPARED_COLUMNS}
        # Do not compare the start of a former attempt. In some orders of the writes, CHM never stores this start.
        rows.append(row | {"started_at": None if run.started_at_kept else run.started_at})
    return rows


@st.composite
def deliveries(draw: st.DrawFn, writes: list[dict[str, object]]) -> list[list[dict[str, object]]]:
    """Draw the writes in another order, with some of them repeated, and split them into pages."""
    repeated = [*writes, *draw(st.lists(st.sampled_from(writes), max_size=3))]
    shuffled = draw(st.permutations(repeated))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    return [shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]


@pytest.mark.proves("FR-014")
@pytest.mark.parametrize(
    ("kind", "writes"), [(WriteKind.SNAPSHOT, snapshots), (WriteKind.EVENT, events)], ids=["snapshots", "events"]
)
def test_order_repetition_and_page_sizes_do_not_change_the_stored_rows(
    source: Source, kind: WriteKind, writes: st.SearchStrategy[dict[str, object]]
) -> None:
    @settings(deadline=None, max_examples=150, derandomize=True)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        writes_in_order = data.draw(st.lists(writes, min_size=1, max_size=6))
        delivery = data.draw(deliveries(writes_in_order))

        def events_of(page: list[dict[str, object]]) -> list[RunEvent]:
            return [RunEvent(pipeline_id=source.pipeline_id, kind=kind, **write) for write in page]  # type: ignore[arg-type]

        assert rows_after([events_of(page) for page in delivery]) == rows_after([events_of(writes_in_order)])

    check()
