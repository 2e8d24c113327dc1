"""Compare threads that begin requests one after the other with ordinary threads (decision 0037).

    python -m tools.bench.request_threads [--rounds N] [--seconds N]

The command starts two web servers and requests reads over 8 connections, a few seconds from each server in turn. So
other work on the machine slows down both. It prints the medians of the rounds. It fails if the slowest 5 % of the
requests (p95) are slower than with ordinary threads.

The database is the one of CHM_DATABASE_URL. Without this variable, it is the embedded database in CHM_DATA_DIR.
"""

import argparse
import os
import statistics
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import psycopg
from rich.console import Console
from rich.progress import track

from tools.bench.load import LoadTestResult, generate_load
from tools.bench.servers import UNLIMITED_RATES, manage, web_server

STAGGERED, ORDINARY = "one after the other", "ordinary threads"
# Waitress's own threads: each begins a request immediately.
ORDINARY_THREADS_CODE = """
from waitress.task import ThreadedTaskDispatcher
from chm_project.web_server import __main__, server
server.StaggeredThreads = ThreadedTaskDispatcher
__main__.main()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1)
    options = parser.parse_args()
    from chm_project.local.embedded import start_missing_servers

    start_missing_servers()
    url = os.environ["CHM_DATABASE_URL"]
    os.environ |= {"CHM_DEBUG": "0", **UNLIMITED_RATES}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
    token = manage("create_api_token", "bench", "--scope", "read").strip()
    paths_by_name = _paths_by_name(url)
    results: dict[tuple[str, str], list[LoadTestResult]] = {}
    with ExitStack() as servers:
        ports = {
            STAGGERED: servers.enter_context(web_server("-m", "chm_project.web_server"))[0],
            ORDINARY: servers.enter_context(web_server("-c", ORDINARY_THREADS_CODE))[0],
        }
        steps = [(name, kind) for _ in range(options.rounds) for name in paths_by_name for kind in ports]
        for name, kind in track(steps, "Measuring", console=Console(stderr=True), transient=True):
            result = generate_load(ports[kind], paths_by_name[name], token=token, seconds=options.seconds)
            results.setdefault((name, kind), []).append(result)
    print("| read | threads | requests per second | p50, ms | p95, ms |\n|---|---|--:|--:|--:|")
    p95: dict[tuple[str, str], float] = {}
    for key, measured in results.items():
        rate, p50, p95[key] = (_median(measured, field) for field in ("per_second", "p50", "p95"))
        print(f"| {key[0]} | {key[1]} | {rate:,.0f} | {p50:.1f} | {p95[key]:.1f} |")
    slower = [name for name in paths_by_name if p95[name, STAGGERED] > p95[name, ORDINARY]]
    if slower:
        raise SystemExit(f"slower than with ordinary threads: {', '.join(slower)}")


def _paths_by_name(url: str) -> dict[str, list[str]]:
    week = quote((datetime.now(UTC) - timedelta(days=7)).isoformat())
    with psycopg.connect(url) as connection:
        client_ids = connection.execute("SELECT id FROM clients ORDER BY name").fetchall()
        pipeline_ids = connection.execute(
            "SELECT id FROM pipelines AS p WHERE EXISTS (SELECT FROM runs WHERE pipeline_id = p.id)"
            " ORDER BY md5(id::text) LIMIT 500"
        ).fetchall()
    return {
        "latest run": [f"/api/v1/pipelines/{pipeline_id}/runs/latest" for (pipeline_id,) in pipeline_ids],
        "a pipeline's runs, first page": [f"/api/v1/pipelines/{pipeline_ids[0][0]}/runs?limit=100"],
        "summary, a week": [f"/api/v1/clients/{client_id}/runs/summary?since={week}" for (client_id,) in client_ids],
    }


def _median(results: list[LoadTestResult], field: str) -> float:
    values: list[float] = [getattr(result, field) for result in results]
    return statistics.median(values)


if __name__ == "__main__":
    main()
