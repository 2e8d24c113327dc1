"""Prefect 3: a listing of ended runs, two listings of open runs, and the runs whose state changed according to events.

Prefect cannot filter flow runs by their update time, so all of these are needed. A pipeline's external id is the id of
a deployment or of a flow. Scheduled flow runs that never started are not stored. Recorded responses:
ingestion/synthetic/recordings/prefect. API: https://docs.prefect.io/v3/api-ref/rest-api
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from ingestion.connectors.base import (
    NoErrorTextRequests,
    OpenRun,
    Page,
    SourcePipeline,
    Target,
    Walk,
    earliest_since,
    group_by_external_id,
    utc_text,
)
from ingestion.connectors.prefect_deployments import list_deployments
from ingestion.connectors.prefect_events import changed_runs
from ingestion.connectors.prefect_tasks import read_failed_task_lines
from ingestion.connectors.walk_plans import plan_walks, reread_open_runs_by_id
from ingestion.errors import BadAnswer
from ingestion.http import PartnerSession
from ingestion.links import Links, LinkTemplates, expand_links
from ingestion.paging import OffsetPaging, PageLimit, Position
from runs.events import Rejected, RunEvent

STATUSES = {
    "pending": "running",
    "running": "running",
    "paused": "running",
    "cancelling": "running",
    "completed": "success",
    "failed": "failed",
    "crashed": "failed",
    "cancelled": "canceled",
}
PAGE_SIZE = 200  # the server's maximum; it answers 422 to a larger limit
STARTED_FILTER: dict[str, Any] = {"start_time": {"is_null_": False}}
OPEN_RUN_FILTERS: tuple[dict[str, Any], ...] = (
    {"state": {"type": {"any_": ["PENDING", "RUNNING", "PAUSED", "CANCELLING"]}}},
    # A run that waits for its next attempt is SCHEDULED and has a start. The future runs of a deployment (about 100)
    # are SCHEDULED too, but have no start.
    {"state": {"type": {"any_": ["SCHEDULED"]}}, **STARTED_FILTER},
)
UUID_PATTERN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# These estimates of the server differ in every response. If they were stored, each walk would write every run again.
VOLATILE_FIELDS = frozenset({"estimated_run_time", "estimated_start_time_delta"})

# By base_url and external id: true for a flow, false for a deployment. The process keeps this until it ends, which
# saves a request per tick. A flow never becomes a deployment.
_is_flow_by_id: dict[str, dict[str, bool]] = {}


class PrefectConnector(NoErrorTextRequests):
    has_listing_per_pipeline = False
    lists_pipelines = True

    def __init__(self, session: PartnerSession, *, has_pipeline: Callable[[str], bool]) -> None:
        self._session = session
        self._has_pipeline = has_pipeline
        # For each failed run in the last response: lines about its failed tasks. The keys are flow run ids.
        self._failed_task_lines: dict[str, str] = {}

    def walks(self, targets: Sequence[Target]) -> Iterator[Walk]:
        """Return one walk for all targets with a since time, and one for the targets without one."""
        # No walks of single pipelines, because _listing always reads the runs of the whole server.
        return plan_walks(targets, self._listing, max_single_walks=0)

    def reread_open_runs(self, runs: Sequence[OpenRun]) -> Iterator[Page]:
        return reread_open_runs_by_id(
            runs, batch_size=PAGE_SIZE, fetch=self._fetch_by_ids, id_field="id", to_run_event=self._event
        )

    def links(self, external_ids: Collection[str], ui: str) -> Mapping[str, Links]:
        runs = f"{ui}/runs/flow-run/{{run_id}}"
        flows = self._flow_ids(external_ids)
        return expand_links(
            LinkTemplates(f"{ui}/deployments/deployment/{{external_id}}", runs), external_ids
        ) | expand_links(LinkTemplates(f"{ui}/flows/flow/{{external_id}}", runs), flows)

    def pipelines(self) -> Iterator[SourcePipeline]:
        return list_deployments(self._session)

    def _flow_ids(self, external_ids: Collection[str]) -> set[str]:
        """Return the ids that belong to flows."""
        is_flow_by_id = _is_flow_by_id.setdefault(self._session.base_url, {})
        # Ids of flows and deployments are UUIDs. A user may have entered another external id by mistake.
        new_ids = [name for name in external_ids if name not in is_flow_by_id and UUID_PATTERN.fullmatch(name)]
        for first in range(0, len(new_ids), PAGE_SIZE):
            batch = new_ids[first : first + PAGE_SIZE]
            body = {"flows": {"id": {"any_": batch}}, "limit": PAGE_SIZE}
            rows = self._session.post("/api/flows/filter", body)
            flows = {str(row.get("id")) for row in rows if isinstance(row, dict)} if isinstance(rows, list) else set()
            is_flow_by_id |= {name: name in flows for name in batch}
        return {name for name in external_ids if is_flow_by_id.get(name)}

    def _listing(
        self, targets: Sequence[Target], _external_id: str | None, start_position: Position | None
    ) -> Iterator[Page]:
        since = earliest_since(targets)
        # A walk without a since time lists all started runs.
        started_or_ended_filter = STARTED_FILTER if since is None else {"end_time": {"after_": utc_text(since)}}
        filters = (started_or_ended_filter, *OPEN_RUN_FILTERS)
        targets_by_id = group_by_external_id(targets)
        # A position contains the number of a filter and the offset in the listing of this filter. An earlier task has
        # already read the listings of the filters with smaller numbers.
        first_filter = start_position["filter"] if start_position else 0
        seen: set[str] = set()
        for number, run_filter in enumerate(filters[first_filter:], first_filter):
            for position, rows in self._pages(run_filter, start_position if number == first_filter else None):
                seen.update(str(row.get("id")) for row in rows if isinstance(row, dict))
                yield self._page(rows, targets_by_id, {"filter": number, **position})
        # A walk without a since time has listed every run, so it does not need the events.
        if since is not None:
            for ids in changed_runs(self._session, since, seen=seen):
                yield self._page(self._fetch_by_ids(ids), targets_by_id, None)

    def _page(
        self, rows: Sequence[Any], targets_by_id: Mapping[str, Sequence[Target]], position: Position | None
    ) -> Page:
        page = Page(position=position)
        for row in rows:
            if not isinstance(row, dict):
                page.events.append(Rejected(f"a flow run is a {type(row).__name__}, not an object"))
                continue
            external_ids = [str(row[name]) for name in ("deployment_id", "flow_id") if row.get(name)]
            pipelines = [target for external_id in external_ids for target in targets_by_id.get(external_id, ())]
            events = (self._event(target.pipeline_id, row) for target in pipelines)
            page.events.extend(run_event for run_event in events if run_event is not None)
            if not any(map(self._has_pipeline, external_ids)):
                page.unknown_ids.update(external_ids[:1])  # the deployment's id if there is one, else the flow's
        return page

    def _fetch_by_ids(self, ids: Sequence[str]) -> list[Any]:
        return self._fetch_flow_runs({"id": {"any_": list(ids)}}, 0)

    def _pages(
        self, run_filter: dict[str, Any], start_position: Position | None = None
    ) -> Iterator[tuple[Position, list[Any]]]:
        """Yield the position and the rows of each page, ordered by start. So new runs are on the last page."""
        paging, page_limit = OffsetPaging(start_position), PageLimit()
        while True:
            position, rows = paging.position, self._fetch_flow_runs(run_filter, paging.offset)
            page_limit.count_page(len(rows))
            yield position, rows
            keys = [str(row.get("id")) if isinstance(row, dict) else "" for row in rows]
            # The response is a bare list without a total.
            if not paging.advance(keys=keys, is_last=len(rows) < PAGE_SIZE):
                return

    def _fetch_flow_runs(self, run_filter: dict[str, Any], offset: int) -> list[Any]:
        """Return a page of flow runs, and read the failed tasks of those that failed."""
        body = {"flow_runs": run_filter, "sort": "START_TIME_ASC", "limit": PAGE_SIZE, "offset": offset}
        rows = self._session.post("/api/flow_runs/filter", body)
        if not isinstance(rows, list):
            raise BadAnswer(f"the answer is a {type(rows).__name__}, not a list of flow runs")
        failed = [str(row.get("id")) for row in rows if isinstance(row, dict) and canonical_status(row) == "failed"]
        self._failed_task_lines = read_failed_task_lines(self._session, failed)
        return rows

    def _event(self, pipeline_id: Any, row: dict[str, Any]) -> RunEvent | None:
        return to_run_event(pipeline_id, row, self._failed_task_lines.get(str(row.get("id")), ""))


def to_run_event(pipeline_id: Any, row: dict[str, Any], failed_task_lines: str = "") -> RunEvent | None:
    """Return the event, or None for a scheduled run that never started.

    `failed_task_lines` is a text with a line for each failed task.
    """
    status = canonical_status(row)
    if status is None:
        return None
    state = row.get("state")
    message = state.get("message") if isinstance(state, dict) else None
    state_name, state_type = row.get("state_name"), row.get("state_type")
    return RunEvent(
        pipeline_id=pipeline_id,
        external_run_id=row.get("id"),
        status=status,
        started_at=row.get("start_time"),
        finished_at=row.get("end_time"),
        error_message="\n".join(filter(None, [failed_task_lines, message])) if status == "failed" else None,
        # A state name that differs from the state type, such as TimedOut, is a reason.
        status_reason=(
            state_name if isinstance(state_name, str) and state_name.lower() != str(state_type).lower() else None
        ),
        payload={key: value for key, value in row.items() if key not in VOLATILE_FIELDS},
        source_updated_at=row.get("updated"),
    )


def canonical_status(row: dict[str, Any]) -> object:
    """Return CHM's status for the state type, or None for a scheduled run that never started.

    The state name is free text, so only "Skipped" decides the status. An unknown state type is returned unchanged.
    """
    state_type = row.get("state_type")
    word = state_type.lower() if isinstance(state_type, str) else state_type
    if word == "scheduled":
        return "running" if row.get("start_time") else None
    if word == "completed" and row.get("state_name") == "Skipped":
        return "skipped"
    return STATUSES.get(word, state_type) if isinstance(word, str) else state_type
