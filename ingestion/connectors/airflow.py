"""Apache Airflow 3 (/api/v2) and 2 (/api/v1): one listing across all DAGs for everything that changed.

Responses have no update time, so the version of a run is the time of the request. Recorded responses:
ingestion/synthetic/recordings/airflow. API: https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from ingestion.connectors.airflow_dags import listed_dags
from ingestion.connectors.airflow_errors import error_texts
from ingestion.connectors.base import (
    Explained,
    FailedRun,
    OpenRun,
    Page,
    SourcePipeline,
    Target,
    Walk,
    by_external_id,
    field_of,
    gone,
    oldest,
    translated,
    utc_text,
)
from ingestion.connectors.walking import plan_walks, reread_open
from ingestion.errors import BadAnswer, NotFound
from ingestion.http import PartnerSession
from ingestion.links import Links, expanded
from ingestion.paging import CursorPaging, OffsetPaging, PageCap, Position
from runs.events import Clock, Rejected, RunEvent

STATUSES = {"queued": "running", "running": "running", "success": "success", "failed": "failed"}
OPEN_STATES = ("running", "queued")
PAGE_SIZE = 100  # Airflow's default maximum; a server with a lower one shortens the page, which paging handles
ALL_DAGS = "~"

# The API version of each server, kept for the life of the process to save a request per tick.
_apis: dict[str, str] = {}


class AirflowConnector:
    asks_one_by_one = False
    fetches_error_texts = True
    lists_pipelines = True

    def __init__(self, session: PartnerSession, *, known: Callable[[str], bool]) -> None:
        """`known` returns whether an external id belongs to a pipeline of the connection."""
        self._session = session
        self._known = known

    def walks(self, targets: Sequence[Target]) -> Iterator[Walk]:
        return plan_walks(targets, self._listing)

    def reread(self, runs: Sequence[OpenRun]) -> Iterator[Page]:
        states = [("state", state) for state in OPEN_STATES]
        return reread_open(
            runs,
            open_rows=((asked_at, rows) for asked_at, rows, _ in self._pages(ALL_DAGS, states)),
            key=_key,
            events=_events,
            ask_one=self._one,
        )

    def error_texts(self, runs: Sequence[FailedRun]) -> Iterator[Explained]:
        return error_texts(self._session, self._version(), runs)

    def links(self, external_ids: Collection[str], ui: str) -> Mapping[str, Links]:
        """Airflow 3 has a page per run; Airflow 2 selects the run in the DAG's grid."""
        page, run = ("", "/runs/{run_id}") if self._version() == "/api/v2" else ("/grid", "/grid?dag_run_id={run_id}")
        return expanded(Links(f"{ui}/dags/{{external_id}}{page}", f"{ui}/dags/{{external_id}}{run}"), external_ids)

    def pipelines(self) -> Iterator[SourcePipeline]:
        return listed_dags(self._session, self._version())

    def _one(self, runs: Sequence[OpenRun]) -> Iterator[RunEvent | Rejected]:
        asked_at = datetime.now(UTC)
        path = f"{self._dag_runs(runs[0].external_id)}/{quote(runs[0].external_run_id, safe='')}"
        try:
            row = self._session.get(path)
        except NotFound as error:
            if not error.explained:
                raise
            yield from (gone(run, at=asked_at) for run in runs)
        else:
            yield from _events(runs, row, asked_at)

    def _listing(self, targets: Sequence[Target], dag_id: str | None, start: Position | None) -> Iterator[Page]:
        targets_by_id, since = by_external_id(targets), oldest(targets)
        query = [] if since is None else [("updated_at_gte", utc_text(since))]
        for asked_at, rows, position in self._pages(dag_id or ALL_DAGS, query, start):
            page = Page(position=position)
            for row in rows:
                dag, _ = _key(row)
                if dag is None:
                    page.events.append(Rejected("a DAG run without dag_id"))
                    continue
                found = targets_by_id.get(dag, ())
                page.events.extend(_events(found, row, asked_at))
                if not found and not self._known(dag):
                    page.unknown.add(dag)
            yield page

    def _pages(
        self, dag_id: str, query: list[tuple[str, str]], start: Position | None = None
    ) -> Iterator[tuple[datetime, list[Any], Position]]:
        """Yield pages ordered by id, because other orders change while runs change.

        Use cursors if the response offers them: an older server ignores the parameter
        and repeats its first page forever."""
        path = self._dag_runs(dag_id)
        query = [*query, ("order_by", "id"), ("limit", str(PAGE_SIZE))]
        cursors = CursorPaging(start if start and "cursor" in start else None)
        offsets, cap = OffsetPaging(start if start and "offset" in start else None), PageCap()
        while True:
            if cursors.cursor is not None or (path.startswith("/api/v2") and not offsets.offset):
                here: Position = cursors.position
                sent = [("cursor", cursors.cursor or "")]
            else:
                here = offsets.position
                sent = [("offset", str(offsets.offset))] if offsets.offset else []
            asked_at = datetime.now(UTC)
            try:
                body = self._session.get(path, [*query, *sent])
            except NotFound as error:
                if not error.explained:
                    _apis.pop(self._session.base_url, None)  # the server may have been upgraded
                raise
            rows = field_of(body, "dag_runs", list, "the answer")
            total = field_of(body, "total_entries", int, "the answer")
            cap.count(len(rows))
            yield asked_at, rows, here
            if body.get("next_cursor") is not None:
                if not cursors.advance(body["next_cursor"]):
                    return
            elif cursors.cursor is not None or not offsets.advance(keys=[_text_key(row) for row in rows], total=total):
                return

    def _dag_runs(self, dag_id: str) -> str:
        dag = dag_id if dag_id == ALL_DAGS else quote(dag_id, safe="")
        return f"{self._version()}/dags/{dag}/dagRuns"

    def _version(self) -> str:
        """Return the API version: Airflow 2 has no /api/v2, Airflow 3 no /api/v1."""
        base_url = self._session.base_url
        for api in ("/api/v2", "/api/v1"):
            if base_url in _apis:
                break
            try:
                self._session.get(f"{api}/version")
            except NotFound:
                continue
            _apis[base_url] = api
        if base_url not in _apis:
            raise BadAnswer("neither /api/v2/version nor /api/v1/version answers here: is base_url an Airflow?")
        return _apis[base_url]


def event(pipeline_id: Any, row: Any, asked_at: datetime) -> RunEvent | Rejected:
    if not isinstance(row, dict):
        return Rejected(f"a DAG run is a {type(row).__name__}, not an object")
    return RunEvent(
        pipeline_id=pipeline_id,
        external_run_id=row.get("dag_run_id"),
        status=translated(row.get("state"), STATUSES),
        started_at=row.get("start_date"),
        finished_at=row.get("end_date"),
        duration_seconds=row.get("duration"),
        status_reason=row.get("note"),
        payload=row,
        at=asked_at,
        clock=Clock.ASKED,
    )


def _events(found: Sequence[Target | OpenRun], row: Any, asked_at: datetime) -> Iterator[RunEvent | Rejected]:
    return (event(each.pipeline_id, row, asked_at) for each in found)


def _text_key(row: Any) -> str:
    return "\n".join(part or "" for part in _key(row))


def _key(row: Any) -> tuple[str | None, str | None]:
    """Return dag_id and dag_run_id: run ids are unique only within their DAG."""
    if not isinstance(row, dict):
        return None, None
    dag_id, run_id = row.get("dag_id"), row.get("dag_run_id")
    return (dag_id if isinstance(dag_id, str) else None), (run_id if isinstance(run_id, str) else None)
