"""Compare threads that begin requests one after the other with ordinary threads (decision 0037).

    python -m tools.bench.request_threads [--rounds N] [--seconds N]

For each of the two kinds of threads, the command starts a web server for reads and one for pings. It sends requests
over 8 connections, a few seconds to each server in turn. So other work on the machine slows down both kinds. It prints
the medians of the rounds. It fails if the slowest 5 % of the requests (p95) are slower than with ordinary threads.

The reads are from the database of CHM_DATABASE_URL. Without this variable, they are from the embedded database in
CHM_DATA_DIR. The pings are written into the database chm_bench_threads, which the command creates on the same server.
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
from tools.bench.servers import UNLIMITED_RATES, create_database, fill_inventory, manage, web_server

STAGGERED, ORDINARY = "one after the other", "ordinary threads"
# Waitress's own threads: each begins a request immediately.
ORDINARY_THREADS_CODE = """
from waitress.task import ThreadedTaskDispatcher
from chm_project.web_server import __main__, server
server.StaggeredThreads = ThreadedTaskDispatcher
__main__.main()
"""
ARGUMENTS_BY_KIND = {STAGGERED: ("-m", "chm_project.web_server"), ORDINARY: ("-c", ORDINARY_THREADS_CODE)}
PING_DATABASE_NAME = "chm_bench_threads"
CONNECTION_COUNT = 8


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
    ping_url = create_database(url, PING_DATABASE_NAME)
    manage("migrate", "--verbosity", "0", CHM_DATABASE_URL=ping_url)
    token = manage("create_api_token", "bench", "--scope", "read", CHM_DATABASE_URL=url).strip()
    paths_by_name = _paths_of_reads(url) | {"ping": _paths_of_pings(ping_url)}
    results: dict[tuple[str, str], list[LoadTestResult]] = {}
    with ExitStack() as servers:

        def start_server(kind: str, database_url: str) -> int:
            return servers.enter_context(web_server(*ARGUMENTS_BY_KIND[kind], CHM_DATABASE_URL=database_url))[0]

        read_ports = {kind: start_server(kind, url) for kind in ARGUMENTS_BY_KIND}
        ping_ports = {kind: start_server(kind, ping_url) for kind in ARGUMENTS_BY_KIND}
        steps = [(name, kind) for _ in range(options.rounds) for name in paths_by_name for kind in ARGUMENTS_BY_KIND]
        for name, kind in track(steps, "Measuring", console=Console(stderr=True), transient=True):
            port = (ping_ports if name == "ping" else read_ports)[kind]
            result = generate_load(
                port, paths_by_name[name], token=token, connections=CONNECTION_COUNT, seconds=options.seconds
            )
            results.setdefault((name, kind), []).append(result)
    print("| request | threads | requests per second | p50, ms | p95, ms |\n|---|---|--:|--:|--:|")
    p95: dict[tuple[str, str], float] = {}
    for key, measured in results.items():
        rate, p50, p95[key] = (_median(measured, field) for field in ("per_second", "p50", "p95"))
        print(f"| {key[0]} | {key[1]} | {rate:,.0f} | {p50:.1f} | {p95[key]:.1f} |")
    slower = [name for name in paths_by_name if p95[name, STAGGERED] > p95[name, ORDINARY]]
    if slower:
        raise SystemExit(f"slower than with ordinary threads: {', '.join(slower)}")


def _paths_of_reads(url: str) -> dict[str, list[str]]:
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


def _paths_of_pings(url: str) -> list[str]:
    """Create a pipeline for each connection, and return the paths of their pings."""
    pipeline_ids = fill_inventory(url, [f"pipeline_{number}" for number in range(CONNECTION_COUNT)])
    keys = [
        manage(
            "create_api_token", "bench", "--scope", "ingest", "--pipeline", str(pipeline_id), CHM_DATABASE_URL=url
        ).strip()
        for pipeline_id in pipeline_ids
    ]
    return [f"/ping/{key}" for key in keys]


def _median(results: list[LoadTestResult], field: str) -> float:
    values: list[float] = [getattr(result, field) for result in results]
    return statistics.median(values)


if __name__ == "__main__":
    main()
