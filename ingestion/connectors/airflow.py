"""Apache Airflow 3 (/api/v2) and 2 (/api/v1): one listing of the changed runs of all DAGs.

Airflow can filter by `updated_at` but does not return it, so the version of a run is the time of the request. Recorded
responses: ingestion/synthetic/recordings/airflow. API:
https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from ingestion.connectors.airflow_dags import list_dags
from ingestion.connectors.airflow_errors import error_texts
from ingestion.connectors.base import (
    FailedRun,
    FailedRunText,
    OpenRun,
    Page,
    SourcePipeline,
    Target,
    Walk,
    earliest_since,
    field_of,
    gone_event,
    group_by_external_id,
    translate_status,
    utc_text,
)
from ingestion.connectors.walk_plans import plan_walks, reread_open_runs_by_key
from ingestion.errors import BadAnswer, NotFound
from ingestion.http import PartnerSession
from ingestion.links import Links, LinkTemplates, expand_links
from ingestion.paging import CursorPaging, OffsetPaging, PageLimit, Position
from runs.events import Rejected, RunEvent, VersionSource

# Airflow has no state for canceled or skipped DAG runs. A run that a user stops gets the state failed.
STATUSES = {"queued": "running", "running": "running", "success": "success", "failed": "failed"}
OPEN_STATES = ("running", "queued")
# Airflow's default maximum. A server with a lower maximum returns shorter pages, which OffsetPaging handles.
PAGE_SIZE = 100
ALL_DAGS = "~"

# /api/v2 or /api/v1 for each base_url, so that a tick need not find it out again. An entry is kept until the process
# ends, or until its path answers 404 without an error of Airflow.
_api_paths: dict[str, str] = {}


class AirflowConnector:
    has_listing_per_pipeline = False
    fetches_error_texts = True
    lists_pipelines = True

    def __init__(self, session: PartnerSession, *, has_pipeline: Callable[[str], bool]) -> None:
        """`has_pipeline` returns whether an external id belongs to a pipeline of the connection."""
        self._session = session
        self._has_pipeline = has_pipeline

    def walks(self, targets: Sequence[Target]) -> Iterator[Walk]:
        return plan_walks(targets, self._listing)

    def reread_open_runs(self, runs: Sequence[OpenRun]) -> Iterator[Page]:
        states = [("state", state) for state in OPEN_STATES]
        return reread_open_runs_by_key(
            runs,
            open_rows=((requested_at, rows) for requested_at, rows, _ in self._pages(ALL_DAGS, states)),
            run_key=_run_key,
            to_events=_events,
            read_run=self._read_run,
        )

    def error_texts(self, runs: Sequence[FailedRun]) -> Iterator[FailedRunText]:
        return error_texts(self._session, self._api_path(), runs)

    def links(self, external_ids: Collection[str], ui: str) -> Mapping[str, Links]:
        """Return the links. Airflow 3 has a page for each run. Airflow 2 shows a run on the page of its DAG."""
        dag_url = f"{ui}/dags/{{external_id}}"
        if self._api_path() == "/api/v2":
            templates = LinkTemplates(dag_url, f"{dag_url}/runs/{{run_id}}")
        else:
            templates = LinkTemplates(f"{dag_url}/grid", f"{dag_url}/grid?dag_run_id={{run_id}}")
        return expand_links(templates, external_ids)

    def pipelines(self) -> Iterator[SourcePipeline]:
        return list_dags(self._session, self._api_path())

    def _read_run(self, runs: Sequence[OpenRun]) -> Iterator[RunEvent | Rejected]:
        """Request one run. `runs` are its stored copies, one for each client that shares the DAG."""
        requested_at = datetime.now(UTC)
        path = f"{self._dag_runs_path(runs[0].external_id)}/{quote(runs[0].external_run_id, safe='')}"
        try:
            row = self._session.get(path)
        except NotFound as error:
            # Only Airflow's own 404 proves that the run was deleted. A proxy without its backend answers 404 too.
            if not error.has_api_error:
                raise
            yield from (gone_event(run, version=requested_at) for run in runs)
        else:
            yield from _events(runs, row, requested_at)

    def _listing(
        self, targets: Sequence[Target], dag_id: str | None, start_position: Position | None
    ) -> Iterator[Page]:
        targets_by_id, since = group_by_external_id(targets), earliest_since(targets)
        query = [] if since is None else [("updated_at_gte", utc_text(since))]
        for requested_at, rows, position in self._pages(dag_id or ALL_DAGS, query, start_position):
            page = Page(position=position)
            for row in rows:
                row_dag_id, _ = _run_key(row)
                if row_dag_id is None:
                    page.events.append(Rejected("a DAG run without dag_id"))
                    continue
                pipelines = targets_by_id.get(row_dag_id, ())
                page.events.extend(_events(pipelines, row, requested_at))
                if not pipelines and not self._has_pipeline(row_dag_id):
                    page.unknown_ids.add(row_dag_id)
            yield page

    def _pages(
        self, dag_id: str, query: list[tuple[str, str]], start_position: Position | None = None
    ) -> Iterator[tuple[datetime, list[Any], Position]]:
        """Yield the time of the request, the rows and the position of each page.

        Pages are ordered by id. If they were ordered by update time, a run that changes would move to another page, and
        the walk would miss other runs.

        If the response has a cursor, the next request contains this cursor, else an offset. A server without
        cursors ignores the parameter `cursor`: without an offset, it would return the first page again and again.
        """
        path = self._dag_runs_path(dag_id)
        query = [*query, ("order_by", "id"), ("limit", str(PAGE_SIZE))]
        cursors = CursorPaging(start_position if start_position and "cursor" in start_position else None)
        offsets = OffsetPaging(start_position if start_position and "offset" in start_position else None)
        page_limit = PageLimit()
        while True:
            # An empty cursor asks the server for cursors. A server without cursors ignores it.
            if cursors.cursor is not None or (path.startswith("/api/v2") and not offsets.offset):
                position: Position = cursors.position
                page_query = [("cursor", cursors.cursor or "")]
            else:
                position = offsets.position
                page_query = [("offset", str(offsets.offset))] if offsets.offset else []
            requested_at = datetime.now(UTC)
            try:
                body = self._session.get(path, [*query, *page_query])
            except NotFound as error:
                if not error.has_api_error:
                    # This version of the API may no longer exist, after an upgrade of the server.
                    _api_paths.pop(self._session.base_url, None)
                raise
            rows = field_of(body, "dag_runs", list, "the answer")
            total = field_of(body, "total_entries", int, "the answer")
            page_limit.count_page(len(rows))
            yield requested_at, rows, position
            if body.get("next_cursor") is not None:
                if not cursors.advance(body["next_cursor"]):
                    return
            elif cursors.cursor is not None or not offsets.advance(keys=[_text_key(row) for row in rows], total=total):
                return

    def _dag_runs_path(self, dag_id: str) -> str:
        dag = dag_id if dag_id == ALL_DAGS else quote(dag_id, safe="")
        return f"{self._api_path()}/dags/{dag}/dagRuns"

    def _api_path(self) -> str:
        """Return the path of the API: /api/v2 for Airflow 3, /api/v1 for Airflow 2. A server has only one of them."""
        base_url = self._session.base_url
        for api in ("/api/v2", "/api/v1"):
            if base_url in _api_paths:
                break
            try:
                self._session.get(f"{api}/version")
            except NotFound:
                continue
            _api_paths[base_url] = api
        if base_url not in _api_paths:
            raise BadAnswer(
                "neither /api/v2/version nor /api/v1/version exists; set base_url to the address of an Airflow server"
            )
        return _api_paths[base_url]


def to_run_event(pipeline_id: Any, row: Any, requested_at: datetime) -> RunEvent | Rejected:
    if not isinstance(row, dict):
        return Rejected(f"a DAG run is a {type(row).__name__}, not an object")
    return RunEvent(
        pipeline_id=pipeline_id,
        external_run_id=row.get("dag_run_id"),
        status=translate_status(row.get("state"), STATUSES),
        started_at=row.get("start_date"),
        finished_at=row.get("end_date"),
        duration_seconds=row.get("duration"),
        status_reason=row.get("note"),  # users write here why they changed the run's state
        payload=row,
        source_updated_at=requested_at,
        version_source=VersionSource.REQUEST_TIME,
    )


def _events(
    targets_or_runs: Sequence[Target | OpenRun], row: Any, requested_at: datetime
) -> Iterator[RunEvent | Rejected]:
    """Yield an event for each target or stored run. Pipelines of several clients may share a DAG."""
    return (to_run_event(each.pipeline_id, row, requested_at) for each in targets_or_runs)


def _text_key(row: Any) -> str:
    return "\n".join(part or "" for part in _run_key(row))


def _run_key(row: Any) -> tuple[str | None, str | None]:
    """Return dag_id and dag_run_id, because run ids are unique only within their DAG."""
    if not isinstance(row, dict):
        return None, None
    dag_id, run_id = row.get("dag_id"), row.get("dag_run_id")
    return (dag_id if isinstance(dag_id, str) else None), (run_id if isinstance(run_id, str) else None)
