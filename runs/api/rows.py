"""Read runs for the API as dictionaries that become JSON without model instances or serializers.

This is several times faster (decision 0024). `RunSerializer` describes the same fields in the contract; a test compares
the two.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db.models import DateTimeField, Q, QuerySet, TextField, UUIDField
from django.db.models.functions import Cast

from chm_project.access.visibility import Visibility
from chm_project.api.json_answers import JsonText
from chm_project.api.pagination import DEFAULT_LIMIT, Fetch, Position, SortKey, keyset
from chm_project.db.hot_queries import HotQuery, QueryParameter, tuples
from runs.api.serializers import RunSerializer
from runs.models import BEGINNING, FINISHED, STARTED, Run, RunQuerySet

LATEST_FIRST = keyset(
    SortKey("started_at", STARTED, BEGINNING), SortKey("finished_at", FINISHED, BEGINNING), "id", descending=True
)
NEWEST_EVENT_FIRST = keyset("event_at", "id", descending=True)
BY_EVENT = {"-event_at": NEWEST_EVENT_FIRST, "event_at": NEWEST_EVENT_FIRST.reversed()}
ORDERS = {"-started_at": LATEST_FIRST, "started_at": LATEST_FIRST.reversed()} | BY_EVENT

FIELDS: tuple[str, ...] = tuple(RunSerializer.Meta.fields)
CLIENT, PIPELINE = "pipeline__client_id", "pipeline_id"
_PAYLOAD = FIELDS.index("payload")
_ID, _TIME = UUIDField(), DateTimeField()
# The sort value of a missing start or end.
_NO_TIME = "-infinity"

Row = dict[str, Any]


def as_tuples(runs: Any) -> "QuerySet[Any, Any]":
    """Select the fields of the API; the payload is JSON text."""
    # The payload is read as text and goes into the response without being parsed.
    columns = ["payload_text" if name == "payload" else name for name in FIELDS]
    tuples_of_runs: QuerySet[Any, Any] = (
        runs.with_source_url().annotate(payload_text=Cast("payload", TextField())).values_list(*columns)
    )
    return tuples_of_runs


def rows_of(runs: "QuerySet[Run]") -> list[Row]:
    return [_row(values) for values in tuples(as_tuples(runs))]


def _row(values: Sequence[Any]) -> Row:
    row = dict(zip(FIELDS, values, strict=True))
    if (payload := values[_PAYLOAD]) is not None:
        row["payload"] = JsonText(payload)
    return row


def row_bytes(row: Row) -> int:
    """Return the approximate size of the large fields, by which a page of the list is limited."""
    payload = row["payload"]
    texts = (row["error_message"], row["status_reason"], None if payload is None else payload.text)
    return sum(len(text) for text in texts if text is not None)


def is_compiled(visibility: Visibility) -> bool:
    """Return whether a compiled query applies: one for all clients, or for a single client."""
    return visibility.clients is None or len(visibility.clients) == 1


def latest_row(visibility: Visibility, pipeline_id: object) -> Row | None:
    """Return the latest run of a pipeline, or None if there is none or it is not visible."""
    if not is_compiled(visibility):
        runs: Any = visibility.restrict(
            Run.objects.filter(Q(pipeline_id=pipeline_id)), client_path=CLIENT, pipeline_path=PIPELINE
        )
        return next(iter(rows_of(runs.latest_first()[:1])), None)
    return _first(_latest(*_restrictions(visibility)), visibility, pipeline_id=pipeline_id)


def row_by_id(visibility: Visibility, run_id: object) -> Row | None:
    """Return a run, or None if it does not exist or is not visible."""
    if not is_compiled(visibility):
        runs = visibility.restrict(Run.objects.filter(Q(pk=run_id)), client_path=CLIENT, pipeline_path=PIPELINE)
        return next(iter(rows_of(runs)), None)
    return _first(_by_id(*_restrictions(visibility)), visibility, run_id=run_id)


def page_fetch(visibility: Visibility, ordering: str, *, pipeline_id: object = None) -> Fetch:
    """Return a function that reads a page of visible runs, of one pipeline or all."""

    def fetch(behind: Position | None, number: int) -> list[Row]:
        # Only the default page size is planned once; the best plan of others depends on their size.
        limit = number if number == DEFAULT_LIMIT + 1 else None
        query = _page(ordering, *_restrictions(visibility), pipeline_id is not None, behind is not None, limit)
        position = {f"behind_{n}": _NO_TIME if value is None else value for n, value in enumerate(behind or ())}
        page = query.rows(pipeline_id=pipeline_id, number=number, **position, **_values(visibility))
        return [_row(values) for values in page]

    return fetch


def _first(query: HotQuery, visibility: Visibility, **values: object) -> Row | None:
    row = query.first(**values, **_values(visibility))
    return None if row is None else _row(row)


def _restrictions(visibility: Visibility) -> tuple[bool, bool]:
    return visibility.clients is not None, visibility.pipeline is not None


def _values(visibility: Visibility) -> dict[str, Any]:
    return {"bound_client": next(iter(visibility.clients or ()), None), "bound_pipeline": visibility.pipeline}


def _visible(one_client: bool, one_pipeline: bool) -> RunQuerySet:
    client: Any = QueryParameter("bound_client", _ID)
    pipeline: Any = QueryParameter("bound_pipeline", _ID)
    visibility = Visibility(frozenset({client}) if one_client else None, pipeline if one_pipeline else None)
    runs: Any = visibility.restrict(Run.objects.all(), client_path=CLIENT, pipeline_path=PIPELINE)
    visible: RunQuerySet = runs
    return visible


# Each kind of visibility has a condition of its own, and so a query of its own.
@cache
def _latest(one_client: bool, one_pipeline: bool) -> HotQuery:
    runs = _visible(one_client, one_pipeline).filter(pipeline_id=QueryParameter("pipeline_id", _ID))
    return HotQuery.of(as_tuples(runs.latest_first())[:1])


@cache
def _by_id(one_client: bool, one_pipeline: bool) -> HotQuery:
    return HotQuery.of(as_tuples(_visible(one_client, one_pipeline).filter(pk=QueryParameter("run_id", _ID))))


@cache
def _page(
    ordering: str, one_client: bool, one_pipeline: bool, of_pipeline: bool, is_continued: bool, limit: int | None
) -> HotQuery:
    order = ORDERS[ordering]
    runs = _visible(one_client, one_pipeline)
    if of_pipeline:
        runs = runs.filter(pipeline_id=QueryParameter("pipeline_id", _ID))
    rows = order.sort(as_tuples(runs))
    if is_continued:
        fields = [_ID if key.attribute == "id" else _TIME for key in order.keys]
        rows = order.after(rows, [QueryParameter(f"behind_{n}", field) for n, field in enumerate(fields)])
    if limit is not None:
        return HotQuery.of(rows[:limit])
    # The best plan for another size depends on the size, so it is planned on each execution.
    return HotQuery(f"{HotQuery.of(rows).text} LIMIT %(number)s", prepared=False)
