"""Measure the health board with known failures and planned maintenance: `python -m tools.bench.board URL`.

URL is a database on this machine, for example one that `manage.py generate_history` has filled with 10,000 pipelines.
The benchmark reads the data of the board, but does not render its HTML. The times include all queries. The benchmark
marks failures as known in a transaction, and rolls the transaction back at the end.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

REPETITIONS = 3
KNOWN_FAILURE_COUNT = 100
# The maintenance file has 100 maintenance windows and 100 owners.
MAINTENANCE_TABLE_COUNT = 100
MAX_PROCESSOR_MS = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="address of the database")
    os.environ["CHM_DATABASE_URL"] = parser.parse_args().url
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
    import django

    django.setup()
    from django.conf import settings
    from django.db import transaction

    from runs.reporting.run_shapes import run_shape

    with transaction.atomic(), tempfile.TemporaryDirectory() as folder:
        failing = run_shape("failing_now")
        print(
            f"{_pipeline_count():,} pipelines, {len(failing):,} failing in {len(run_shape('incidents')):,} incidents.\n"
        )
        print("| board | processor ms | median ms | queries |\n|---|--:|--:|--:|")
        processor_ms = [_measure_and_print("without marks")]
        _mark_as_known(failing[:KNOWN_FAILURE_COUNT])
        processor_ms.append(_measure_and_print(f"{KNOWN_FAILURE_COUNT} known failures"))
        settings.CHM_MAINTENANCE_FILE = str(_write_maintenance_file(Path(folder)))
        processor_ms.append(
            _measure_and_print(f"and {MAINTENANCE_TABLE_COUNT} windows, {MAINTENANCE_TABLE_COUNT} owners")
        )
        transaction.set_rollback(True)
    if max(processor_ms) > MAX_PROCESSOR_MS:
        raise SystemExit(f"the board needs more than {MAX_PROCESSOR_MS} ms of processor time")


def _pipeline_count() -> int:
    from inventory.models import Pipeline

    return Pipeline.objects.count()


def _mark_as_known(failing_rows: list[dict[str, object]]) -> None:
    from inventory.models import Pipeline
    from runs.known_failures import mark_known_failure

    for pipeline in Pipeline.objects.filter(pk__in=[row["pipeline_id"] for row in failing_rows]):
        mark_known_failure(pipeline=pipeline, reason="ticket 123")


def _write_maintenance_file(folder: Path) -> Path:
    """Write a maintenance file in which every window concerns all pipelines, and the windows cover the whole week."""
    window = (
        '[[maintenance]]\nreason = "{0}"\ndays = ["{1}"]\nfrom = 00:00:00\nuntil = 00:00:00\nzone = "Europe/Berlin"\n'
    )
    owner = '[[owners]]\nowner = "Team {0}"\npipelines = {{ external_id_prefix = "{0}" }}\n'
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    text = "".join(window.format(n, days[n % 7]) for n in range(MAINTENANCE_TABLE_COUNT)) + "".join(
        map(owner.format, range(MAINTENANCE_TABLE_COUNT))
    )
    (folder / "maintenance.toml").write_text(text)
    return folder / "maintenance.toml"


def _measure_and_print(name: str) -> float:
    """Measure the board, print a row of the table, and return the processor milliseconds."""
    from django.db import connection

    queries: list[str] = []

    def count_query(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        # Do not count statements that only control the transaction.
        if not str(sql).startswith(("SET", "SAVEPOINT", "RELEASE")):
            queries.append(str(sql))
        return execute(sql, params, many, context)

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [backend_pid] = cursor.fetchone()
    _read_board()  # fills caches
    seconds_before, times_ms = _processor_seconds(backend_pid), []
    with connection.execute_wrapper(count_query):
        for _ in range(REPETITIONS):
            started = time.perf_counter()
            _read_board()
            times_ms.append((time.perf_counter() - started) * 1000)
    processor_ms = (_processor_seconds(backend_pid) - seconds_before) * 1000 / REPETITIONS
    print(
        f"| {name} | {processor_ms:.0f} | {statistics.median(times_ms):.0f} | {len(queries) // REPETITIONS} |",
        flush=True,
    )
    return processor_ms


def _read_board() -> None:
    from django.utils import timezone

    from chm_project.console.pages.board import read_board
    from chm_project.console.pages.board_scope import BoardScope

    read_board(BoardScope(), timezone.now())


def _processor_seconds(backend_pid: int) -> float:
    """Return the processor seconds of this process and of its database session.

    Unlike elapsed time, processor time hardly changes if other processes of the machine are busy.
    """
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in (os.getpid(), backend_pid))


if __name__ == "__main__":
    main()
