"""Paging by offset reads every row that exists during the whole walk, also while others are added and deleted."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.errors import BadAnswer
from ingestion.paging import OffsetPaging
from ingestion.synthetic.airflow_recording import RecordedRow
from ingestion.synthetic.airflow_replay import ALL_RUNS_ENDED, AirflowReplay
from ingestion.synthetic.partner import Answer, Request
from ingestion.tests.scripted_partner import DESCRIPTION_TOML, ScriptedPartner, WriteConnection, make_row
from ingestion.tests.support import PASSWORD_ENV, airflow_connection, create_pipelines, ingest
from runs.models import Run


def read_all_pages(
    rows: list[int], page_size: int, *, with_total: bool, change_rows: Callable[[], None], resume: bool
) -> set[str]:
    """Read all pages, call `change_rows` after each page, and return the rows that were read.

    With `resume`, each page is read by a new task, which continues at the saved position.
    """
    paging, read_rows = OffsetPaging(), set()
    for _ in range(10_000):
        page = [str(row) for row in rows[paging.offset : paging.offset + page_size]]
        read_rows.update(page)
        position = paging.position
        has_more = paging.advance(keys=page, total=len(rows) if with_total else None)
        if not has_more:
            return read_rows
        change_rows()
        if resume:
            # The next task first reads the last page of this task again.
            paging = OffsetPaging(position)
            page = [str(row) for row in rows[paging.offset : paging.offset + page_size]]
            read_rows.update(page)
            if not paging.advance(keys=page, total=len(rows) if with_total else None):
                return read_rows
    raise AssertionError("the walk does not end")


changes_per_page = st.lists(
    st.tuples(
        st.lists(st.integers(0, 40), max_size=6),  # the indexes of the deleted rows
        st.integers(0, 6),  # the number of new rows
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=400, derandomize=True)
@given(
    number=st.integers(0, 40), page_size=st.integers(2, 9), change_of_each_page=changes_per_page,
    newest_first=st.booleans(), with_total=st.booleans(), resume=st.booleans(),
)  # fmt: skip
def test_every_row_that_exists_during_the_whole_walk_is_read(
    number: int,
    page_size: int,
    change_of_each_page: list[tuple[list[int], int]],
    newest_first: bool,
    with_total: bool,
    resume: bool,
) -> None:
    rows = list(range(number))
    never_deleted = set(rows)
    remaining_changes = iter(change_of_each_page)
    new_rows = iter(range(number, 10_000))

    def change() -> None:
        deleted_indexes, added_count = next(remaining_changes, ([], 0))
        for place in sorted(set(deleted_indexes), reverse=True):
            if place < len(rows):
                never_deleted.discard(rows.pop(place))
        new = [next(new_rows) for _ in range(added_count)]
        rows[:] = [*reversed(new), *rows] if newest_first else [*rows, *new]

    if newest_first:
        rows.reverse()
    try:
        read_rows = read_all_pages(rows, page_size, with_total=with_total, change_rows=change, resume=resume)
    except BadAnswer:
        # Changes of the rows can repeat a page. Then the walk ends with an error, and the next tick starts again.
        return

    assert {str(row) for row in never_deleted} <= read_rows


def test_a_listing_ends_if_each_request_orders_equal_rows_differently() -> None:
    """Some servers sort rows of the same time differently for each offset."""
    paging, pages = OffsetPaging(), {0: ["a", "b", "c"], 2: ["x", "d", "e"], 4: ["e", "f"]}
    read_offsets = []
    while True:
        read_offsets.append(paging.offset)
        if not paging.advance(keys=pages[paging.offset], total=6):
            break

    assert read_offsets == [0, 2, 0, 2, 4]


def test_a_listing_that_changes_with_every_page_ends_with_an_error() -> None:
    paging, numbers = OffsetPaging(), iter(range(10_000))

    def next_page() -> bool:
        return paging.advance(keys=[f"{next(numbers)}-{place}" for place in range(3)], total=10**6)

    with pytest.raises(BadAnswer, match="change faster"):
        all(next_page() for _ in range(10_000))


def at_second_page(change: Callable[[], None]) -> Callable[[Request], None]:
    """Return a function that receives all requests. At the second request for runs, it calls `change`."""
    state = {"requests": 0}

    def on_request(request: Request) -> None:
        if "dagRuns" in request.path or request.path.endswith("/runs"):
            state["requests"] += 1
            if state["requests"] == 2:
                change()

    return on_request


@pytest.mark.django_db
@pytest.mark.parametrize("deleted_count", [5, 120], ids=["few", "more than a page"])
def test_airflow_without_cursors_misses_no_run_when_as_many_rows_are_added_as_deleted(
    monkeypatch: pytest.MonkeyPatch, deleted_count: int
) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "REDACTED")
    create_pipelines("Northwind", "orders.reconcile-v2")
    with AirflowReplay(offers_cursors=False, moment=ALL_RUNS_ENDED) as airflow:
        template = next(row.data for row in airflow.rows if row.data["state"] == "success")
        rows = [
            RecordedRow(
                template | {"dag_id": "orders.reconcile-v2", "dag_run_id": f"run-{number:03}"}, datetime.now(UTC)
            )
            for number in range(250 + deleted_count)
        ]
        airflow.rows = rows[:250]

        def add_as_many_as_deleted() -> None:
            airflow.rows = rows[deleted_count:]

        on_request = at_second_page(add_as_many_as_deleted)
        airflow.faults = [lambda request: on_request(request)] * 100

        assert ingest(airflow_connection(airflow)).errors == []

    stored = set(Run.objects.values_list("external_run_id", flat=True))
    assert {f"run-{number:03}" for number in range(deleted_count, 250 + deleted_count)} <= stored


@pytest.mark.django_db
@pytest.mark.parametrize("newest_first", [True, False])
def test_a_declarative_connector_misses_no_run_when_as_many_rows_are_added_as_deleted(
    write_connection: WriteConnection, newest_first: bool
) -> None:
    create_pipelines("Northwind", "orders", platform="custom")
    rows = list(range(40))

    def add_as_many_as_deleted() -> None:
        rows[:] = rows[5:] + list(range(40, 45))

    on_request = at_second_page(add_as_many_as_deleted)

    def answer(request: Request) -> Answer:
        on_request(request)
        listing = rows[::-1] if newest_first else rows
        first = int(request.query_value("offset") or 0)
        return Answer(
            body={"runs": [make_row(number) for number in listing[first : first + 10]], "total": len(listing)}
        )

    with ScriptedPartner() as partner:
        partner.script = answer
        paging = '[paging]\nkind = "offset"\nparam = "offset"\ntotal = "total"\n'
        assert ingest(write_connection(partner, DESCRIPTION_TOML + paging)).errors == []

    expected = set(range(5, 40)) if newest_first else set(range(5, 45))
    assert {str(number) for number in expected} <= set(Run.objects.values_list("external_run_id", flat=True))
