"""Measure the cost of reads on databases with different numbers of runs: `python -m tools.bench.growth URL [URL ...]`.

Each database is on this machine, and has the runs of the last year. `manage.py generate_history` generates such a
database. From this database, `python -m tools.bench.growth_database` makes a second one with ten times as many runs.

The figures are processor milliseconds, because elapsed times change more if other processes of the machine are busy.
The figures of the shapes, and of the query that they are compared with, are the processor time of the database session.
The other figures also include the processor time of this process. The window of a shape ends one second after the last
run. "long" means that the shape was canceled after 20 s. CHM itself cancels a report only after 30 s.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import psutil
from psycopg.errors import QueryCanceled

from tools.bench.reporting import PIPELINE_YARDSTICK, QUERY_TIMEOUT_SECONDS, YARDSTICK_SQL
from tools.bench.servers import ROOT

WINDOW_DAYS = (30, 365)
# The benchmark repeats each read until the repetitions have used this much processor time.
MIN_PROCESSOR_SECONDS = 0.3
SAMPLE_SIZE = 100
YARDSTICK_NAME = "read the latest run of each pipeline"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("urls", nargs="+", metavar="URL", help="address of a database")
    parser.add_argument("--json", action="store_true", help="print the figures of the first database as JSON")
    options = parser.parse_args()
    if options.json:
        print(json.dumps(figures(options.urls[0])))
        return
    results = [_figures_in_a_process(url) for url in options.urls]
    column_titles = [f"{each['runs']:,} runs, {window}" for each in results for window in _windows()]
    print(f"| processor ms | {' | '.join(column_titles)} |\n|---|{'--:|' * len(column_titles)}")
    for name in results[0]["ms"]:
        cells = [str(each["ms"][name].get(window, "")) for each in results for window in _windows()]
        print(f"| {name} | {' | '.join(cells)} |")


def _windows() -> list[str]:
    return ["default", *(f"{days} days" for days in WINDOW_DAYS)]


def _figures_in_a_process(url: str) -> Any:
    """Return the figures of a database. Measure them in a new process, because one process of CHM uses one database."""
    command = [sys.executable, "-m", "tools.bench.growth", "--json", url]
    return json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)


def figures(url: str) -> dict[str, Any]:
    """Return `{"runs": number of runs, "ms": {name of the read: {window: processor milliseconds}}}`."""
    os.environ["CHM_DATABASE_URL"] = url
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
    import django

    django.setup()
    from django.db import connection

    from chm_project.access.visibility import UNBOUND
    from chm_project.console.pages.board import read_board
    from chm_project.console.pages.board_scope import BoardScope
    from inventory.models import Client, Pipeline
    from runs.api.run_rows import latest_row
    from runs.client_summary import summarize_client
    from runs.reporting.parameters import validated
    from runs.reporting.shapes import shapes

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), max(event_at), count(*) FROM runs")
        [(session_pid, latest_event_at, run_count)] = cursor.fetchall()
        as_of = latest_event_at + timedelta(seconds=1)
        session_pids, all_pids = [session_pid], [session_pid, os.getpid()]
        ms: dict[str, dict[str, float | str]] = {}

        cursor.execute(f"SET statement_timeout = '{QUERY_TIMEOUT_SECONDS}s'")
        # Use no parallel workers, because the benchmark does not count their processor time.
        cursor.execute("SET max_parallel_workers_per_gather = 0")

        def fetch(sql: str, values: Any = None) -> None:
            cursor.execute(sql, values)
            cursor.fetchall()

        pipeline_ids = list(Pipeline.objects.active().order_by("external_id", "pk").values_list("pk", flat=True))
        client_ids = list(Client.objects.active().order_by("name").values_list("pk", flat=True))

        def read_latest_runs() -> None:
            for pipeline_id in pipeline_ids[:SAMPLE_SIZE]:
                latest_row(UNBOUND, pipeline_id)

        def read_summaries() -> None:
            for client_id in client_ids[:SAMPLE_SIZE]:
                summarize_client(client_id=client_id, since=as_of - timedelta(days=7), until=as_of)

        ms["latest runs of 100 pipelines"] = {"default": _processor_ms(all_pids, read_latest_runs)}
        ms["summaries of a week of 100 clients"] = {"default": _processor_ms(all_pids, read_summaries)}
        ms["health board, without HTML"] = {"default": _processor_ms(all_pids, lambda: read_board(BoardScope(), as_of))}
        ms[YARDSTICK_NAME] = {"default": _processor_ms(session_pids, lambda: fetch(YARDSTICK_SQL[PIPELINE_YARDSTICK]))}
        for name, shape in shapes().items():
            ms[name] = {}
            for window, parameters in _parameters_by_window(shape.parameters, as_of).items():
                values = validated(shape.parameters, parameters, now=as_of)
                ms[name][window] = _processor_ms(session_pids, lambda sql=shape.sql, values=values: fetch(sql, values))  # type: ignore[misc]
    return {"runs": run_count, "ms": ms}


def _parameters_by_window(parameters: dict[str, str], as_of: datetime) -> dict[str, dict[str, Any]]:
    """Return the shape's parameters for each window. A shape without a window has only the entry "default"."""
    if "since" in parameters:
        return {"default": {}} | {f"{days} days": {"since": as_of - timedelta(days=days)} for days in WINDOW_DAYS}
    if "weeks" in parameters:
        return {"default": {}} | {f"{days} days": {"weeks": days // 7} for days in WINDOW_DAYS}
    return {"default": {}}


def _processor_ms(process_ids: list[int], read: Callable[[], object]) -> float | str:
    """Return the mean processor milliseconds of a read, or "long" if PostgreSQL canceled the read.

    `process_ids` are the ids of the processes whose time counts. The first read fills caches, and is not measured.
    """
    from django.db import OperationalError

    try:
        read()
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return "long"
    seconds_before, read_count = _processor_seconds(process_ids), 0
    while (used_seconds := _processor_seconds(process_ids) - seconds_before) < MIN_PROCESSOR_SECONDS:
        read()
        read_count += 1
    return round(used_seconds * 1000 / read_count, 1 if used_seconds * 1000 / read_count < 10 else None)


def _processor_seconds(process_ids: list[int]) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in process_ids)


if __name__ == "__main__":
    main()
