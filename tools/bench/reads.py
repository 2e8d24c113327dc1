"""Measure reads of the API with 8 connections, compared with a constant answer of the same server."""

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import psycopg

from tools.bench.load import load
from tools.bench.servers import manage, memory_mb, postgres_memory_mb, web_server

SAMPLE_SIZE = 2_000


def measure(url: str, *, seconds: float) -> dict[str, Any]:
    """Return latencies and rates of each kind of request, and the memory under load."""
    token = manage("create_api_token", "bench", "--scope", "read", CHM_DATABASE_URL=url).strip()
    with psycopg.connect(url) as connection:
        # The order by a hash gives a random sample that is the same in each run of the benchmark.
        pipelines = _column(connection, f"SELECT id FROM pipelines ORDER BY md5(id::text) LIMIT {SAMPLE_SIZE}")
        clients = _column(connection, "SELECT id FROM clients ORDER BY name")
        [pipeline_with_most_runs] = _column(
            connection, "SELECT pipeline_id FROM runs GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
        )
    now = datetime.now(UTC)
    week = quote((now - timedelta(days=7)).isoformat())
    results: dict[str, Any] = {}
    with web_server(CHM_DATABASE_URL=url) as (port, process):
        deep_list = _path_of_page(port, f"/api/v1/pipelines/{pipeline_with_most_runs}/runs?limit=100", token, pages=50)
        # Follow 500 pages of 1,000 runs, then request only 100 runs: a cursor is valid for any page size.
        deep_all = _path_of_page(port, "/api/v1/runs?limit=1000", token, pages=501).replace("limit=1000", "limit=100")
        requests = {
            "constant answer": ["/health"],
            "latest run": [f"/api/v1/pipelines/{pipeline_id}/runs/latest" for pipeline_id in pipelines],
            "summary, a week": [f"/api/v1/clients/{client_id}/runs/summary?since={week}" for client_id in clients],
            "summary, all history": [f"/api/v1/clients/{client_id}/runs/summary" for client_id in clients],
            "a pipeline's runs, first page": [f"/api/v1/pipelines/{pipeline_with_most_runs}/runs?limit=100"],
            "a pipeline's runs, page 50": [deep_list],
            "all runs, first page": ["/api/v1/runs?limit=100"],
            "all runs, after the first 500,000": [deep_all],
        }
        for name, paths in requests.items():
            paths = _paths_with_runs(port, paths, token)
            results[name] = asdict(load(port, paths, token=token, seconds=seconds))
        results["memory, MB"] = {**memory_mb(process), "PostgreSQL": postgres_memory_mb()}
    return results


def _column(connection: psycopg.Connection[tuple[Any, ...]], query: str) -> list[Any]:
    return [row[0] for row in connection.execute(query.encode()).fetchall()]


def _paths_with_runs(port: int, paths: list[str], token: str) -> list[str]:
    """Leave out requests for the latest run of pipelines that have none, because they get 404."""
    if "/runs/latest" not in paths[0]:
        return paths
    existing = []
    for path in paths:
        try:
            _get(port, path, token)
        except OSError:
            continue
        existing.append(path)
    return existing


def _path_of_page(port: int, path: str, token: str, *, pages: int) -> str:
    """Follow cursors and return the path of the page with this number, or of the last page if there are fewer."""
    address = path
    for _ in range(pages - 1):
        cursor = _get(port, address, token)["next_cursor"]
        if cursor is None:
            break
        address = f"{re.sub('&cursor=.*', '', path)}&cursor={quote(cursor)}"
    return address


def _get(port: int, path: str, token: str) -> Any:
    request = Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"})
    with urlopen(request, timeout=60) as answer:
        return json.load(answer)
