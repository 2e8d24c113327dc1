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
    """Merge the parts of each key into one row.

    The sums stay the same, even if other sessions write at the same time.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT rollup.compact()")


def rebuild() -> None:
    """Count all runs again. First wait until all current writers have finished.

    New writers wait until this call ends.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT rollup.rebuild()")


def differences(limit: int = 20) -> list[Difference]:
    """Return at most `limit` keys whose stored sum differs from the count of the runs; empty if all sums are right.

    One query reads the sums and the runs. So writes at the same time cannot cause a difference.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENCES, {"limit": limit})
        return [Difference(*row) for row in cursor.fetchall()]
