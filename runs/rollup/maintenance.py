"""Compact, rebuild and verify the schema `rollup`."""

from dataclasses import dataclass
from pathlib import Path

from django.db import connection, transaction

_DIFFERENCES = (Path(__file__).parent / "differences.sql").read_text()


@dataclass(frozen=True, slots=True)
class Difference:
    """A key whose stored sum differs from the count of the runs."""

    table: str
    key: str
    stored: str
    counted: str


def compact() -> None:
    """Merge the parts of each key into one row. The sums stay the same, also during writes and other compactions."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT rollup.compact()")


def rebuild() -> None:
    """Count all runs again. This waits for current writers, and later writers wait for this."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT rollup.rebuild()")


def differences(limit: int = 20) -> list[Difference]:
    """Return the keys whose stored sum differs from the runs, in one snapshot; empty if all agree."""
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENCES, {"limit": limit})
        return [Difference(*row) for row in cursor.fetchall()]
