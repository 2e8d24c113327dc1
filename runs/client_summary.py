"""Summarize the runs of a client in a window: counts by status, and the latest run of each pipeline."""

import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from chm_project.db.hot_queries import HotQuery
from chm_project.db.reporting.files import expanded, fragments
from runs.models import Status

LATEST_FIELDS = ("pipeline_id", "pipeline_name", "platform", "latest_status", "latest_run_at")
# In the order of the columns of client_summary.sql. This is a constant, because Django computes Status.values again on
# each access.
_STATUSES = tuple(Status.values)
_COMMENT_LINE = re.compile(r"^\s*--.*\n", re.MULTILINE)
_INDENT = re.compile(r"^ +", re.MULTILINE)


# For windows of up to this length, CHM reads the roll-up by days. For longer windows, it reads the roll-up by months.
LONGEST_BY_DAYS = timedelta(days=366)


def client_summary_sql(since: datetime, until: datetime) -> str:
    """Return the query of the summary of this window."""
    return _sql("client_summary.sql" if until - since <= LONGEST_BY_DAYS else "client_summary_of_years.sql")


# Cached, so that a file is read once per process. Comments and indents are removed, because psycopg caches only parsed
# queries of at most 4,096 characters.
@cache
def _sql(file: str) -> str:
    text = (Path(__file__).parent / "sql" / file).read_text()
    return _INDENT.sub("", _COMMENT_LINE.sub("", expanded(text, fragments())))


@cache
def _summary_query(sql: str) -> HotQuery:
    return HotQuery(sql)


@dataclass(frozen=True, slots=True)
class ClientSummary:
    client_id: uuid.UUID
    since: datetime
    until: datetime
    status_counts: dict[str, int]
    # For each pipeline with a run in the window, the values of LATEST_FIELDS.
    latest_by_pipeline: list[dict[str, Any]]


def summarize_client(*, client_id: uuid.UUID, since: datetime, until: datetime) -> ClientSummary:
    """Return the summary. If the window has no runs, all counts are 0 and the list is empty."""
    rows = _summary_query(client_summary_sql(since, until)).rows(client_id=client_id, since=since, until=until)
    counts = rows[0][len(LATEST_FIELDS) :] if rows else [0] * len(_STATUSES)
    latest = [dict(zip(LATEST_FIELDS, row, strict=False)) for row in rows]
    return ClientSummary(client_id, since, until, dict(zip(_STATUSES, counts, strict=True)), latest)
