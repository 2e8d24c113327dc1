"""Upsert the runs of the benchmark's partner with plain SQL. Ingestion is compared with the rate of this upsert.

The upsert does not use HTTP. It does not repair or scrub the runs, and does not compare them with stored runs.
"""

import json
import re
import time
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from tools.bench.partner import partner_run

COLUMNS = {
    "id": "uuid", "pipeline_id": "uuid", "external_run_id": "text", "status": "text", "started_at": "timestamptz",
    "finished_at": "timestamptz", "duration_seconds": "integer", "rows_processed": "bigint", "error_message": "text",
    "payload": "jsonb", "source_updated_at": "timestamptz",
}  # fmt: skip
UPSERT = (
    f"INSERT INTO runs_raw ({', '.join(COLUMNS)}) SELECT * FROM unnest("
    + ", ".join(f"%s::{column_type}[]" for column_type in COLUMNS.values())
    + ") ON CONFLICT (pipeline_id, external_run_id) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in COLUMNS if column != "id")
)


def raw_upsert(
    url: str, *, pipeline_ids: list[UUID], run_count: int, page_size: int, without_report_indexes: bool = False
) -> float:
    """Upsert into a copy of the table `runs`, with one transaction per page; return runs per second.

    With `without_report_indexes`, the copy lacks the indexes and index columns that only summaries, boards and shapes
    read.
    """
    runs_per_pipeline = -(-run_count // len(pipeline_ids))
    pages = [
        _columns(pipeline_id, pipeline_number, range(first_number, min(first_number + page_size, runs_per_pipeline)))
        for pipeline_number, pipeline_id in enumerate(pipeline_ids)
        for first_number in range(0, runs_per_pipeline, page_size)
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
    return run_count / seconds


def _remove_report_indexes(connection: psycopg.Connection[Any]) -> None:
    # The columns after INCLUDE in an index are only for reports. A partial index (WHERE) with such columns is also only
    # for reports, so it is dropped. All other indexes are created again without these columns.
    query = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'runs_raw' AND indexdef LIKE '%INCLUDE%'"
    for name, definition in connection.execute(query).fetchall():
        connection.execute(f'DROP INDEX "{name}"'.encode())
        if "WHERE" not in definition:
            connection.execute(re.sub(r" INCLUDE \([^)]*\)", "", definition).encode())


def _columns(pipeline_id: UUID, pipeline_number: int, run_numbers: range) -> list[list[Any]]:
    rows = []
    for run_number in run_numbers:
        source_run = partner_run(pipeline_number, run_number, 0)
        rows.append((
            uuid7(), pipeline_id, source_run["external_run_id"], source_run["status"], source_run["started_at"],
            source_run["finished_at"], 60, source_run["rows_processed"], source_run["error_message"],
            Jsonb(source_run, dumps=json.dumps), source_run["updated_at"],
        ))  # fmt: skip
    return [list(column) for column in zip(*rows, strict=True)]
