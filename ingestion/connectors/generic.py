"""The generic partner API: GET {base_url}/pipelines/{external_id}/runs, one walk per pipeline."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from ingestion.connectors.base import OnlyRunRequests, OpenRun, Page, Target, Walk, field_of, translate_status, utc_text
from ingestion.http import PartnerSession
from ingestion.links import Links
from ingestion.paging import CursorPaging, PageLimit, Position
from runs.events import Rejected, RunEvent

STATUSES = {
    **dict.fromkeys(("running", "in_progress", "queued", "pending"), "running"),
    **dict.fromkeys(("success", "succeeded", "completed"), "success"),
    **dict.fromkeys(("failed", "failure", "error", "errored"), "failed"),
    **dict.fromkeys(("canceled", "cancelled", "aborted"), "canceled"),
    "skipped": "skipped",
}


class GenericConnector(OnlyRunRequests):
    has_listing_per_pipeline = True

    def __init__(self, session: PartnerSession) -> None:
        self._session = session

    def walks(self, targets: Sequence[Target]) -> Iterator[Walk]:
        for target in targets:
            yield Walk([target], partial(self._pages, target))

    def reread_open_runs(self, runs: Sequence[OpenRun]) -> Iterator[Page]:
        """Return no pages. The API cannot read a single run, so CHM cannot detect that a run is gone."""
        return iter(())

    def links(self, external_ids: Collection[str], ui: str) -> Mapping[str, Links]:
        """Return no links, because the API has no user interface. Single runs may have a `source_url`."""
        return {}

    def _pages(self, target: Target, start_position: Position | None) -> Iterator[Page]:
        path = f"/pipelines/{quote(target.external_id, safe='')}/runs"
        paging, page_limit = CursorPaging(start_position), PageLimit()
        while True:
            query = {"cursor": paging.cursor} if paging.cursor else {}
            if target.since is not None:
                query["updated_since"] = utc_text(target.since)
            body = self._session.get(path, query)
            rows = field_of(body, "runs", list, "the answer")
            page_limit.count_page(len(rows))
            yield Page([to_run_event(target, row) for row in rows], position=paging.position)
            if not paging.advance(body.get("next_cursor")):
                return


def to_run_event(target: Target, row: Any) -> RunEvent | Rejected:
    if not isinstance(row, dict):
        return Rejected(f"a run is a {type(row).__name__}, not an object")
    run_id = row.get("external_run_id")
    return RunEvent(
        pipeline_id=target.pipeline_id,
        external_run_id=row.get("id") if run_id is None else run_id,
        status=translate_status(row.get("status"), STATUSES),
        started_at=row.get("started_at"),
        finished_at=row.get("finished_at"),
        duration_seconds=row.get("duration_seconds"),
        rows_processed=row.get("rows_processed"),
        error_message=row.get("error_message"),
        status_reason=row.get("status_reason"),
        payload=row,
        source_url=row.get("source_url"),
        source_updated_at=row.get("updated_at"),
    )
