"""Store error texts that ingestion fetched with a second request, each with the attempt that failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import connection

from runs.events import text

_KEEP = (Path(__file__).parent / "sql" / "keep_error_texts.sql").read_text()


@dataclass(frozen=True, slots=True)
class ErrorText:
    """The error text of the attempt of a run that ended at `finished_at`."""

    run_id: UUID
    finished_at: datetime | None
    text: str


def keep_error_texts(texts: Sequence[ErrorText]) -> int:
    """Store the texts, scrubbed and cut, and return how many runs got one.

    A run with a newer attempt, or with a text from its source, is not changed.
    """
    # Scrubbed and cut as the texts of record_runs.
    scrubbed = [(each, clean) for each in texts if (clean := text(each.text))]
    if not scrubbed:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            _KEEP,
            {
                "run_id": [each.run_id for each, _ in scrubbed],
                "finished_at": [each.finished_at for each, _ in scrubbed],
                "error_message": [clean for _, clean in scrubbed],
            },
        )
        return int(cursor.rowcount)
