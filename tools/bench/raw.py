"""The reference for ingestion: an upsert of the same rows, without HTTP, repair, removal of secrets or comparison."""

import json
import re
import time
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from tools.bench.partner import run

COLUMNS = {
    "id": "uuid", "pipeline_id": "uuid", "external_run_id": "text", "status": "text", "started_at": "timestamptz",
    "finished_at": "timestamptz", "duration_seconds": "integer", "rows_processed": "bigint", "error_message": "text",
    "payload": "jsonb", "source_updated_at": "timestamptz",
}  # fmt: skip
UPSERT = (
    f"INSERT INTO runs_raw ({', '.join(COLUMNS)}) SELECT * FROM unnest("
    + ", ".join(f"%s::{kind}[]" for kind in COLUMNS.values())
    + ") ON CONFLICT (pipeline_id, external_run_id) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in COLUMNS if column != "id")
)


def raw_upsert(url: str, *, pipelines: list[UUID], runs: int, page: int, without_report_indexes: bool = False) -> float:
    """Upsert into a copy of the table runs, one transaction per page, and return runs per second.

    `without_report_indexes`: without the indexes and index columns that only summaries, boards and shapes need.
    """
    per_pipeline = -(-runs // len(pipelines))
    pages = [
        _columns(pipeline_id, number, range(first, min(first + page, per_pipeline)))
        for number, pipeline_id in enumerate(pipelines)
        for first in range(0, per_pipeline, page)
    ]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE runs_raw (LIKE runs INCLUDING ALL)")
        if without_report_indexes:
            _remove_report_indexes(connection)
        started = time.perf_counter()
        for columns in pages:
            connection.execute(UPSERT, columns)
        seconds = time.perf_counter() - started
        connection.execute("DROP TABLE runs_raw")
    return runs / seconds


def _remove_report_indexes(connection: psycopg.Connection[Any]) -> None:
    # Only reports read the included columns of an index. Partial indexes with such columns are only for reports: they
    # are dropped. Other indexes are created again without these columns.
    query = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'runs_raw' AND indexdef LIKE '%INCLUDE%'"
    for name, definition in connection.execute(query).fetchall():
        connection.execute(f'DROP INDEX "{name}"'.encode())
        if "WHERE" not in definition:
            connection.execute(re.sub(r" INCLUDE \([^)]*\)", "", definition).encode())


def _columns(pipeline_id: UUID, pipeline: int, numbers: range) -> list[list[Any]]:
    rows = []
    for number in numbers:
        source = run(pipeline, number, 0)
        rows.append((
            uuid7(), pipeline_id, source["external_run_id"], source["status"], source["started_at"],
            source["finished_at"], 60, source["rows_processed"], source["error_message"],
            Jsonb(source, dumps=json.dumps), source["updated_at"],
        ))  # fmt: skip
    return [list(column) for column in zip(*rows, strict=True)]
