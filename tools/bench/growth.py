"""Measure the cost of reads on databases with different numbers of runs: `python -m tools.bench.growth URL [URL ...]`.

Each database is on this machine and has a year of runs until about now, such as `manage.py generate_history` generates.
`python -m tools.bench.growth_database` makes a database with ten times as many runs from it.
The times are processor milliseconds, because other work of the machine changes elapsed times more. The time of a shape
is that of the database session; the time of another read is that of the session and of this process. The window of a
shape ends after the last run. "long" is a report that was canceled after 20 s, as CHM does.
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

from tools.bench.reporting import LONGEST_SECONDS, MINIMUM_SQL, PROBES
from tools.bench.servers import ROOT

DAYS = (30, 365)
# Each read is repeated until it has used this processor time.
MIN_PROCESSOR_SECONDS = 0.3
SAMPLE_SIZE = 100
BARE_PROBES = "a bare probe of each pipeline"


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
    return ["default", *(f"{days} days" for days in DAYS)]


def _figures_in_a_process(url: str) -> Any:
    """Return the figures of a database, measured in a separate process, because Django's settings have one database."""
    command = [sys.executable, "-m", "tools.bench.growth", "--json", url]
    return json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)


def figures(url: str) -> dict[str, Any]:
    """Return the number of runs, and the processor milliseconds of each read by window."""
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
        [(backend, last, runs)] = cursor.fetchall()
        clock = last + timedelta(seconds=1)
        session, both = [backend], [backend, os.getpid()]
        ms: dict[str, dict[str, float | str]] = {}

        cursor.execute(f"SET statement_timeout = '{LONGEST_SECONDS}s'")

        def fetch(sql: str, values: Any = None) -> None:
            cursor.execute(sql, values)
            cursor.fetchall()

        pipelines = list(Pipeline.objects.active().order_by("external_id", "pk").values_list("pk", flat=True))
        clients = list(Client.objects.active().order_by("name").values_list("pk", flat=True))

        def latest() -> None:
            for pipeline_id in pipelines[:SAMPLE_SIZE]:
                latest_row(UNBOUND, pipeline_id)

        def summaries() -> None:
            for client_id in clients[:SAMPLE_SIZE]:
                summarize_client(client_id=client_id, since=clock - timedelta(days=7), until=clock)

        ms["latest runs of 100 pipelines"] = {"default": _processor_ms(both, latest)}
        ms["summaries of a week of 100 clients"] = {"default": _processor_ms(both, summaries)}
        ms["health board, without HTML"] = {"default": _processor_ms(both, lambda: read_board(BoardScope(), clock))}
        ms[BARE_PROBES] = {"default": _processor_ms(session, lambda: fetch(MINIMUM_SQL[PROBES]))}
        for name, shape in shapes().items():
            ms[name] = {}
            for window, parameters in _parameters_by_window(shape.parameters, clock).items():
                values = validated(shape.parameters, parameters, clock=clock)
                ms[name][window] = _processor_ms(session, lambda sql=shape.sql, values=values: fetch(sql, values))  # type: ignore[misc]
    return {"runs": runs, "ms": ms}


def _parameters_by_window(parameters: dict[str, str], clock: datetime) -> dict[str, dict[str, Any]]:
    """Return the parameters for each window; a shape without a window has only the default."""
    if "since" in parameters:
        return {"default": {}} | {f"{days} days": {"since": clock - timedelta(days=days)} for days in DAYS}
    if "weeks" in parameters:
        return {"default": {}} | {f"{days} days": {"weeks": days // 7} for days in DAYS}
    return {"default": {}}


def _processor_ms(processes: list[int], read: Callable[[], object]) -> float | str:
    """Return the mean processor milliseconds of a read, or "long" if the read is canceled.

    Repeat the read until it has used about 0.3 s. Do not count the first read, because it fills caches.
    """
    from django.db import OperationalError

    try:
        read()
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return "long"
    cpu_before, times = _processor_seconds(processes), 0
    while (passed := _processor_seconds(processes) - cpu_before) < MIN_PROCESSOR_SECONDS:
        read()
        times += 1
    return round(passed * 1000 / times, 1 if passed * 1000 / times < 10 else None)


def _processor_seconds(processes: list[int]) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in processes)


if __name__ == "__main__":
    main()
