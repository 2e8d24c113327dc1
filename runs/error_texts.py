"""Store error texts that ingestion fetched with a second request. Each text belongs to one failed attempt of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import connection

from runs.events import scrubbed_text

_STORE_SQL = (Path(__file__).parent / "sql" / "store_error_texts.sql").read_text()


@dataclass(frozen=True, slots=True)
class ErrorText:
    """The error text of the attempt of a run that ended at `finished_at`."""

    run_id: UUID
    finished_at: datetime | None
    text: str


def store_error_texts(texts: Sequence[ErrorText]) -> int:
    """Scrub, cut and store the texts. Return how many runs received a text.

    A run that has a newer attempt, or that already has an error text, is not changed.
    """
    # Scrub and cut the texts as record_runs does.
    scrubbed = [(error, clean) for error in texts if (clean := scrubbed_text(error.text))]
    if not scrubbed:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            _STORE_SQL,
            {
                "run_id": [error.run_id for error, _ in scrubbed],
                "finished_at": [error.finished_at for error, _ in scrubbed],
                "error_message": [clean for _, clean in scrubbed],
            },
        )
        return int(cursor.rowcount)
