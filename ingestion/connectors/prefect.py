"""Prefect 3: one listing of ended runs, one of open runs, and the runs whose state was changed manually.

A pipeline's external id is the id of a deployment, or of a flow. Scheduled flow runs that
never started are not stored. Recorded responses: ingestion/synthetic/recordings/prefect. API: https://docs.prefect.io/v3/api-ref/rest-api
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from ingestion.connectors.base import (
    ErrorsInListing,
    OpenRun,
    Page,
    SourcePipeline,
    Target,
    Walk,
    by_external_id,
    oldest,
    utc_text,
)
from ingestion.connectors.prefect_deployments import listed_deployments
from ingestion.connectors.prefect_events import changed_runs
from ingestion.connectors.prefect_tasks import failed_tasks
from ingestion.connectors.walking import plan_walks, reread_by_id
from ingestion.errors import BadAnswer
from ingestion.http import PartnerSession
from ingestion.links import Links, expanded
from ingestion.paging import OffsetPaging, PageCap, Position
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
PAGE_SIZE = 200  # the server's maximum; above it answers 422
STARTED: dict[str, Any] = {"start_time": {"is_null_": False}}
OPEN: tuple[dict[str, Any], ...] = (
    {"state": {"type": {"any_": ["PENDING", "RUNNING", "PAUSED", "CANCELLING"]}}},
    # Between two attempts a run is scheduled again.
    {"state": {"type": {"any_": ["SCHEDULED"]}}, **STARTED},
)
UUID_FORM = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# The server's estimates, which differ in every response.
VOLATILE = frozenset({"estimated_run_time", "estimated_start_time_delta"})


# External ids of flows (not deployments) by server, kept to save a request per tick.
_kinds: dict[str, dict[str, bool]] = {}


class PrefectConnector(ErrorsInListing):
    asks_one_by_one = False
    lists_pipelines = True

    def __init__(self, session: PartnerSession, *, known: Callable[[str], bool]) -> None:
        self._session = session
        self._known = known
        self._tasks: dict[str, str] = {}  # of the flow runs of the last response

    def walks(self, targets: Sequence[Target]) -> Iterator[Walk]:
        """Return one walk for all pipelines with a watermark and one for the others.

        Prefect cannot filter by update time.
        """
        return plan_walks(targets, self._listing, max_single=0)

    def reread(self, runs: Sequence[OpenRun]) -> Iterator[Page]:
        return reread_by_id(runs, batch=PAGE_SIZE, ask=self._by_id, run_id="id", event=self._event)

    def links(self, external_ids: Collection[str], ui: str) -> Mapping[str, Links]:
        runs = f"{ui}/runs/flow-run/{{run_id}}"
        flows = self._flows(external_ids)
        return expanded(Links(f"{ui}/deployments/deployment/{{external_id}}", runs), external_ids) | expanded(
            Links(f"{ui}/flows/flow/{{external_id}}", runs), flows
        )

    def pipelines(self) -> Iterator[SourcePipeline]:
        return listed_deployments(self._session)

    def _flows(self, external_ids: Collection[str]) -> set[str]:
        """Return the ids that are flows; requested once per process, because an id keeps its kind."""
        kinds = _kinds.setdefault(self._session.base_url, {})
        requested = [name for name in external_ids if name not in kinds and UUID_FORM.fullmatch(name)]
        for first in range(0, len(requested), PAGE_SIZE):
            some = requested[first : first + PAGE_SIZE]
            body = {"flows": {"id": {"any_": some}}, "limit": PAGE_SIZE}
            rows = self._session.post("/api/flows/filter", body)
            found = {str(row.get("id")) for row in rows if isinstance(row, dict)} if isinstance(rows, list) else set()
            kinds |= {name: name in found for name in some}
        return {name for name in external_ids if kinds.get(name)}

    def _listing(self, targets: Sequence[Target], _flow: str | None, start: Position | None) -> Iterator[Page]:
        since = oldest(targets)
        chosen = STARTED if since is None else {"end_time": {"after_": utc_text(since)}}
        filters = (chosen, *OPEN)
        targets_by_id = by_external_id(targets)
        first = start["filter"] if start else 0
        seen: set[str] = set()
        for number, each in enumerate(filters[first:], first):
            for at, rows in self._pages(each, start if number == first else None):
                seen.update(str(row.get("id")) for row in rows if isinstance(row, dict))
                yield self._page(rows, targets_by_id, {"filter": number, **at})
        if since is not None:
            for ids in changed_runs(self._session, since, seen=seen):
                yield self._page(self._by_id(ids), targets_by_id, None)

    def _page(
        self, rows: Sequence[Any], targets_by_id: Mapping[str, Sequence[Target]], position: Position | None
    ) -> Page:
        page = Page(position=position)
        for row in rows:
            if not isinstance(row, dict):
                page.events.append(Rejected(f"a flow run is a {type(row).__name__}, not an object"))
                continue
            names = [str(row[name]) for name in ("deployment_id", "flow_id") if row.get(name)]
            found = [target for name in names for target in targets_by_id.get(name, ())]
            events = (self._event(target.pipeline_id, row) for target in found)
            page.events.extend(made for made in events if made is not None)
            if not any(map(self._known, names)):
                page.unknown.update(names[:1])
        return page

    def _by_id(self, ids: Sequence[str]) -> list[Any]:
        return self._ask({"id": {"any_": list(ids)}}, 0)

    def _pages(self, chosen: dict[str, Any], start: Position | None = None) -> Iterator[tuple[Position, list[Any]]]:
        """Yield pages ordered by start, so that new runs come after those already read."""
        paging, cap = OffsetPaging(start), PageCap()
        while True:
            here, rows = paging.position, self._ask(chosen, paging.offset)
            cap.count(len(rows))
            yield here, rows
            keys = [str(row.get("id")) if isinstance(row, dict) else "" for row in rows]
            if not paging.advance(keys=keys, last=len(rows) < PAGE_SIZE):
                return

    def _ask(self, chosen: dict[str, Any], offset: int) -> list[Any]:
        body = {"flow_runs": chosen, "sort": "START_TIME_ASC", "limit": PAGE_SIZE, "offset": offset}
        rows = self._session.post("/api/flow_runs/filter", body)
        if not isinstance(rows, list):
            raise BadAnswer(f"the answer is a {type(rows).__name__}, not a list of flow runs")
        failed = [str(row.get("id")) for row in rows if isinstance(row, dict) and canonical(row) == "failed"]
        self._tasks = failed_tasks(self._session, failed)
        return rows

    def _event(self, pipeline_id: Any, row: dict[str, Any]) -> RunEvent | None:
        return event(pipeline_id, row, self._tasks.get(str(row.get("id")), ""))


def event(pipeline_id: Any, row: dict[str, Any], tasks: str = "") -> RunEvent | None:
    """Return the event; None for a scheduled run. `tasks` are lines with the failed tasks of the run."""
    status = canonical(row)
    if status is None:
        return None
    state = row.get("state")
    message = state.get("message") if isinstance(state, dict) else None
    name, kind = row.get("state_name"), row.get("state_type")
    return RunEvent(
        pipeline_id=pipeline_id,
        external_run_id=row.get("id"),
        status=status,
        started_at=row.get("start_time"),
        finished_at=row.get("end_time"),
        error_message="\n".join(filter(None, [tasks, message])) if status == "failed" else None,
        status_reason=name if isinstance(name, str) and name.lower() != str(kind).lower() else None,
        payload={key: value for key, value in row.items() if key not in VOLATILE},
        at=row.get("updated"),
    )


def canonical(row: dict[str, Any]) -> object:
    """Return the status for the state's type. The name of a state is free text, except "Skipped"."""
    kind = row.get("state_type")
    word = kind.lower() if isinstance(kind, str) else kind
    if word == "scheduled":
        return "running" if row.get("start_time") else None
    if word == "completed" and row.get("state_name") == "Skipped":
        return "skipped"
    return STATUSES.get(word, kind) if isinstance(word, str) else kind
