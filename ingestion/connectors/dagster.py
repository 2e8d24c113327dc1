"""Dagster (GraphQL): one listing of updated runs across all jobs, newest first.

A pipeline's external id is the name of a job. Times are seconds since 1970 as floats. Recorded responses:
ingestion/synthetic/recordings/dagster. API: https://docs.dagster.io/api/graphql
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

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
    group_by_external_id,
    translate_status,
)
from ingestion.connectors.dagster_failures import error_texts
from ingestion.connectors.dagster_jobs import list_jobs
from ingestion.connectors.walk_plans import plan_walks, reread_open_runs_by_id
from ingestion.errors import BadAnswer
from ingestion.http import PartnerSession
from ingestion.links import Links, LinkTemplates, expand_links
from ingestion.paging import CursorPaging, PageLimit, Position
from runs.events import Rejected, RunEvent

STATUSES = {
    **dict.fromkeys(("queued", "not_started", "managed", "starting", "started", "suspended", "canceling"), "running"),
    "success": "success",
    "failure": "failed",
    "canceled": "canceled",
}
PAGE_SIZE = 100
# Dagster returns errors with status 200, as other types of the union runsOrError.
RUNS_QUERY = """query Runs($filter: RunsFilter, $cursor: String, $limit: Int) {
  runsOrError(filter: $filter, cursor: $cursor, limit: $limit) {
    __typename
    ... on Runs { results {
      runId jobName status creationTime startTime endTime updateTime mode rootRunId parentRunId runConfigYaml
      tags { key value } repositoryOrigin { repositoryName repositoryLocationName } } }
    ... on InvalidPipelineRunsFilterError { message }
    ... on PythonError { message } } }"""


class DagsterConnector:
    has_listing_per_pipeline = False
    fetches_error_texts = True
    lists_pipelines = True

    def __init__(self, session: PartnerSession, *, has_pipeline: Callable[[str], bool]) -> None:
        self._session = session
        self._has_pipeline = has_pipeline

    def walks(self, targets: Sequence[Target]) -> Iterator[Walk]:
        return plan_walks(targets, self._listing)

    def reread_open_runs(self, runs: Sequence[OpenRun]) -> Iterator[Page]:
        return reread_open_runs_by_id(
            runs,
            batch_size=PAGE_SIZE,
            fetch=lambda ids: self._fetch({"runIds": ids}, None),
            id_field="runId",
            to_run_event=to_run_event,
        )

    def error_texts(self, runs: Sequence[FailedRun]) -> Iterator[FailedRunText]:
        return error_texts(runs, self._query)

    def links(self, external_ids: Collection[str], ui: str) -> Mapping[str, Links]:
        """Return the links.

        The usual URL of a job contains the job's code location, which CHM does not store. Dagster's page /guess/JOB
        finds the job without it.
        """
        return expand_links(LinkTemplates(f"{ui}/guess/{{external_id}}", f"{ui}/runs/{{run_id}}"), external_ids)

    def pipelines(self) -> Iterator[SourcePipeline]:
        return list_jobs(self._session)

    def _listing(self, targets: Sequence[Target], job: str | None, start_position: Position | None) -> Iterator[Page]:
        since = earliest_since(targets)
        run_filter: dict[str, Any] = {} if since is None else {"updatedAfter": since.timestamp()}
        if job is not None:
            run_filter["pipelineName"] = job
        targets_by_id = group_by_external_id(targets)
        paging, page_limit = CursorPaging(start_position), PageLimit()
        while True:
            rows = self._fetch(run_filter, paging.cursor)
            page_limit.count_page(len(rows))
            if start_position is not None and page_limit.pages == 1 and not rows:
                # Dagster answers an unknown cursor with an empty page, as if the listing had ended.
                raise BadAnswer("the run at which the last walk stopped is gone; the next walk starts again")
            page = Page(position=paging.position)
            for row in rows:
                if not isinstance(row, dict):
                    page.events.append(Rejected(f"a run is a {type(row).__name__}, not an object"))
                    continue
                job_of_row = str(row.get("jobName"))
                page.events.extend(
                    to_run_event(target.pipeline_id, row) for target in targets_by_id.get(job_of_row, ())
                )
                if not self._has_pipeline(job_of_row):
                    page.unknown_ids.add(job_of_row)
            yield page
            # The cursor of the next page is the run id of the last row. A page that is not full is the last page.
            last = rows[-1].get("runId") if rows and isinstance(rows[-1], dict) else None
            if len(rows) < PAGE_SIZE or not paging.advance(last):
                return

    def _fetch(self, run_filter: dict[str, Any], cursor: str | None) -> list[Any]:
        return self._query(RUNS_QUERY, {"filter": run_filter, "cursor": cursor, "limit": PAGE_SIZE})

    def _query(self, query: str, variables: Mapping[str, Any]) -> list[Any]:
        """Return the runs in the field runsOrError of the response. Raise BadAnswer if the field is an error."""
        body = self._session.post("/graphql", {"query": query, "variables": variables})
        runs_or_error = field_of(field_of(body, "data", dict, "the answer"), "runsOrError", dict, "the answer's data")
        if runs_or_error.get("__typename") != "Runs":
            raise BadAnswer(
                f"Dagster answered {runs_or_error.get('__typename')}: {str(runs_or_error.get('message'))[:200]}"
            )
        rows: list[Any] = field_of(runs_or_error, "results", list, "runsOrError")
        return rows


def to_run_event(pipeline_id: Any, row: dict[str, Any]) -> RunEvent:
    return RunEvent(
        pipeline_id=pipeline_id,
        external_run_id=row.get("runId"),
        status=translate_status(row.get("status"), STATUSES),
        started_at=read_time(row.get("startTime")),
        finished_at=read_time(row.get("endTime")),
        payload=row,
        source_updated_at=read_time(row.get("updateTime")),
    )


def read_time(value: object) -> object:
    """Return the time for a number of seconds since 1970.

    An invalid value is returned unchanged, or as text. record_runs does not store such a value, and reports it.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            # Rounded to microseconds, because PostgreSQL does not store more digits.
            return datetime.fromtimestamp(round(value, 6), UTC)
        except (OverflowError, ValueError, OSError):
            return str(value)
    return value
