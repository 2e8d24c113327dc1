"""Group the failures of one pipeline by cause. Texts that differ only in numbers, ids and names have the same cause."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import connection

from chm_project.console.drawing.text_format import first_line
from chm_project.db.reporting.files import expanded, fragments

_SQL = (Path(__file__).parent / "sql" / "failure_groups.sql").read_text()


@dataclass(frozen=True, slots=True)
class FailureCause:
    """One cause of failures. `error_text` and `run_id` are from its newest failure."""

    error_text: str
    run_id: UUID
    last_at: datetime
    first_at: datetime
    failure_count: int


def group_failures(pipeline_id: UUID, *, since: datetime, limit: int) -> list[FailureCause]:
    """Group the newest failures, at most `limit`, and return their causes, the most frequent one first."""
    with connection.cursor() as cursor:
        cursor.execute(expanded(_SQL, fragments()), {"pipeline_id": pipeline_id, "since": since, "limit": limit})
        return [
            FailureCause(first_line(text) or "no error text", run_id, last_at, first_at, failure_count)
            for text, run_id, last_at, first_at, failure_count in cursor.fetchall()
        ]
