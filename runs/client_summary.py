"""Summarize a client's runs of a window: counts by status, and the latest run of each pipeline."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from chm_project.db.hot_queries import HotQuery
from chm_project.db.reporting.files import expanded, fragments
from runs.models import Status


# Read and expanded once per process.
@cache
def client_summary_sql() -> str:
    return expanded((Path(__file__).parent / "sql" / "client_summary.sql").read_text(), fragments())


@cache
def _summary_query() -> HotQuery:
    return HotQuery(client_summary_sql())


@dataclass(frozen=True, slots=True)
class LatestRunOfPipeline:
    pipeline_id: uuid.UUID
    pipeline_name: str
    platform: str
    latest_status: str
    latest_run_at: datetime | None


@dataclass(frozen=True, slots=True)
class ClientSummary:
    client_id: uuid.UUID
    since: datetime
    until: datetime
    status_counts: dict[str, int]
    latest_by_pipeline: list[LatestRunOfPipeline]


def summarize_client(*, client_id: uuid.UUID, since: datetime, until: datetime) -> ClientSummary:
    """Return the summary; without runs, the counts are 0 and the list is empty."""
    rows = _summary_query().rows(client_id=client_id, since=since, until=until)
    counts = dict.fromkeys(Status.values, 0)
    if rows:
        # In the order of the columns of client_summary.sql.
        counts |= zip(("running", "success", "failed", "canceled", "skipped"), map(int, rows[0][5:]), strict=True)
    return ClientSummary(client_id, since, until, counts, [LatestRunOfPipeline(*row[:5]) for row in rows])
