"""Read runs for the API as dictionaries, without model instances and serializers.

This is several times faster (decision 0024). `RunSerializer` names and describes the fields, but does not read runs. A
test compares its fields with the dictionaries.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import orjson
from django.db.models import DateTimeField, Q, QuerySet, TextField, UUIDField
from django.db.models.functions import Cast

from chm_project.access.visibility import Visibility
from chm_project.api.pagination import DEFAULT_LIMIT, Fetch, Position, SortKey, keyset
from chm_project.db.hot_queries import EarlyRow, HotQuery, QueryParameter, tuples
from runs.api.serializers import RunSerializer
from runs.models import END_KEY, MINUS_INFINITY, START_KEY, Run, RunQuerySet

LATEST_FIRST = keyset(
    SortKey("started_at", START_KEY, MINUS_INFINITY),
    SortKey("finished_at", END_KEY, MINUS_INFINITY),
    "id",
    descending=True,
)
LATEST_EVENT_AT_FIRST = keyset("event_at", "id", descending=True)
EVENT_ORDERINGS = {"-event_at": LATEST_EVENT_AT_FIRST, "event_at": LATEST_EVENT_AT_FIRST.reversed()}
ORDERINGS = {"-started_at": LATEST_FIRST, "started_at": LATEST_FIRST.reversed()} | EVENT_ORDERINGS

RUN_FIELDS: tuple[str, ...] = tuple(RunSerializer.Meta.fields)
CLIENT_LOOKUP, PIPELINE_LOOKUP = "pipeline__client_id", "pipeline_id"
_PAYLOAD_INDEX = RUN_FIELDS.index("payload")
_ID_FIELD, _TIME_FIELD = UUIDField(), DateTimeField()
# The sort value of a missing start or end.
_MISSING_TIME = "-infinity"

Row = dict[str, Any]


def select_fields(runs: Any, *, pipeline_id: Any = None) -> "QuerySet[Any, Any]":
    """Select the fields of the API as tuples. Give `pipeline_id` if all runs belong to one pipeline."""
    # Read the payload as JSON text, because it goes into the response unchanged. Parsing it would take time.
    columns = ["payload_text" if name == "payload" else name for name in RUN_FIELDS]
    tuples_of_runs: QuerySet[Any, Any] = (
        runs.with_source_url(pipeline_id=pipeline_id)
        .annotate(payload_text=Cast("payload", TextField()))
        .values_list(*columns)
    )
    return tuples_of_runs


def read_rows(runs: "QuerySet[Run]") -> list[Row]:
    return [_to_row(values) for values in tuples(select_fields(runs))]


def _to_row(values: Sequence[Any]) -> Row:
    row = dict(zip(RUN_FIELDS, values, strict=True))
    if (payload := values[_PAYLOAD_INDEX]) is not None:
        row["payload"] = orjson.Fragment(payload)
    return row


def row_bytes(row: Row) -> int:
    """Return the approximate size of the large fields of a row. A page with large rows has fewer rows."""
    payload, error, reason = row["payload"], row["error_message"], row["status_reason"]
    # Written without a loop, because a page calls this for each run.
    payload_bytes = len(orjson.dumps(payload)) if payload is not None else 0
    return payload_bytes + (len(error) if error else 0) + (len(reason) if reason else 0)


def has_compiled_query(visibility: Visibility) -> bool:
    """Return whether a compiled query exists: for callers who see everything, one client or one pipeline."""
    return visibility.clients is None or len(visibility.clients) == 1


def early_latest_row(pipeline_id: object) -> EarlyRow:
    """Return an EarlyRow, so that one query reads the caller's token and the latest run of the pipeline."""
    return EarlyRow(_latest_query(False, False), {"pipeline_id": pipeline_id})


def early_row_by_id(run_id: object) -> EarlyRow:
    """Return an EarlyRow, so that one query reads the caller's token and the run."""
    return EarlyRow(_by_id_query(False, False), {"run_id": run_id})


def latest_row(visibility: Visibility, pipeline_id: object, early: EarlyRow | None = None) -> Row | None:
    """Return the latest run of a pipeline, or None if there is none or it is not visible."""
    if not has_compiled_query(visibility):
        runs: Any = visibility.restrict(
            Run.objects.filter(Q(pipeline_id=pipeline_id)), client_lookup=CLIENT_LOOKUP, pipeline_lookup=PIPELINE_LOOKUP
        )
        return next(iter(read_rows(runs.latest_first()[:1])), None)
    return _first_row(_latest_query(*_bindings_of(visibility)), visibility, early, pipeline_id=pipeline_id)


def row_by_id(visibility: Visibility, run_id: object, early: EarlyRow | None = None) -> Row | None:
    """Return a run, or None if it does not exist or is not visible."""
    if not has_compiled_query(visibility):
        runs = visibility.restrict(
            Run.objects.filter(Q(pk=run_id)), client_lookup=CLIENT_LOOKUP, pipeline_lookup=PIPELINE_LOOKUP
        )
        return next(iter(read_rows(runs)), None)
    return _first_row(_by_id_query(*_bindings_of(visibility)), visibility, early, run_id=run_id)


def page_fetch(visibility: Visibility, ordering: str, *, pipeline_id: object = None) -> Fetch:
    """Return a function that reads a page of the visible runs of one pipeline, or of all pipelines."""

    def fetch(position: Position | None, limit: int) -> list[Row]:
        # `limit` is the page size plus one row, which shows whether another page follows. For the default page size,
        # the limit is part of the query, so PostgreSQL can plan the query once.
        fixed_limit = limit if limit == DEFAULT_LIMIT + 1 else None
        is_continued = position is not None
        query = _page_query(ordering, *_bindings_of(visibility), pipeline_id is not None, is_continued, fixed_limit)
        after = {f"after_{n}": _MISSING_TIME if value is None else value for n, value in enumerate(position or ())}
        page = query.rows(pipeline_id=pipeline_id, limit=limit, **after, **_visibility_values(visibility))
        return [_to_row(values) for values in page]

    return fetch


def _first_row(query: HotQuery, visibility: Visibility, early: EarlyRow | None, **values: object) -> Row | None:
    # The early row was read without a restriction, so it is only for callers that see everything.
    if early is not None and early.is_read and not visibility.is_bound:
        row = early.row
    else:
        row = query.first(**values, **_visibility_values(visibility))
    return None if row is None else _to_row(row)


def _bindings_of(visibility: Visibility) -> tuple[bool, bool]:
    """Return whether the caller sees only one client, and whether the caller sees only one pipeline."""
    return visibility.clients is not None, visibility.pipeline is not None


def _visibility_values(visibility: Visibility) -> dict[str, Any]:
    return {"bound_client": next(iter(visibility.clients or ()), None), "bound_pipeline": visibility.pipeline}


def _visible_runs(one_client: bool, one_pipeline: bool) -> RunQuerySet:
    client: Any = QueryParameter("bound_client", _ID_FIELD)
    pipeline: Any = QueryParameter("bound_pipeline", _ID_FIELD)
    visibility = Visibility(frozenset({client}) if one_client else None, pipeline if one_pipeline else None)
    runs: Any = visibility.restrict(Run.objects.all(), client_lookup=CLIENT_LOOKUP, pipeline_lookup=PIPELINE_LOOKUP)
    visible: RunQuerySet = runs
    return visible


# Each of the next functions returns a different query for each combination of its flags, because each combination needs
# other conditions.
@cache
def _latest_query(one_client: bool, one_pipeline: bool) -> HotQuery:
    runs = _visible_runs(one_client, one_pipeline).filter(pipeline_id=QueryParameter("pipeline_id", _ID_FIELD))
    return HotQuery.of(select_fields(runs.latest_first())[:1])


@cache
def _by_id_query(one_client: bool, one_pipeline: bool) -> HotQuery:
    return HotQuery.of(
        select_fields(_visible_runs(one_client, one_pipeline).filter(pk=QueryParameter("run_id", _ID_FIELD)))
    )


@cache
def _page_query(
    ordering: str, one_client: bool, one_pipeline: bool, for_pipeline: bool, is_continued: bool, fixed_limit: int | None
) -> HotQuery:
    order = ORDERINGS[ordering]
    runs = _visible_runs(one_client, one_pipeline)
    pipeline_id = QueryParameter("pipeline_id", _ID_FIELD) if for_pipeline else None
    if pipeline_id is not None:
        runs = runs.filter(pipeline_id=pipeline_id)
    rows = order.sort(select_fields(runs, pipeline_id=pipeline_id))
    if is_continued:
        fields = [_ID_FIELD if key.attribute == "id" else _TIME_FIELD for key in order.keys]
        rows = order.after(rows, [QueryParameter(f"after_{n}", field) for n, field in enumerate(fields)])
    if fixed_limit is not None:
        return HotQuery.of(rows[:fixed_limit])
    # For other page sizes, the best plan depends on the size. So PostgreSQL plans this query each time.
    return HotQuery(f"{HotQuery.of(rows).text} LIMIT %(limit)s", prepared=False)
