"""Measure reads of the API with 8 connections. Compare them with /health, which always gives the same answer."""

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import psycopg

from tools.bench.load import generate_load
from tools.bench.servers import manage, memory_mb_by_process, postgres_memory_mb, web_server

SAMPLE_SIZE = 2_000


def measure(url: str, *, seconds: float) -> dict[str, Any]:
    """Return latencies and rates of each kind of request, and the memory under load."""
    token = manage("create_api_token", "bench", "--scope", "read", CHM_DATABASE_URL=url).strip()
    with psycopg.connect(url) as connection:
        # Order by a hash, so that the first pipelines are a random sample. It is the same each time the benchmark runs.
        pipeline_ids = _first_column(connection, f"SELECT id FROM pipelines ORDER BY md5(id::text) LIMIT {SAMPLE_SIZE}")
        client_ids = _first_column(connection, "SELECT id FROM clients ORDER BY name")
        [pipeline_with_most_runs] = _first_column(
            connection, "SELECT pipeline_id FROM runs GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
        )
    now = datetime.now(UTC)
    week = quote((now - timedelta(days=7)).isoformat())
    results: dict[str, Any] = {}
    with web_server(CHM_DATABASE_URL=url) as (port, server_process):
        path_of_page_50 = _path_of_page(
            port, f"/api/v1/pipelines/{pipeline_with_most_runs}/runs?limit=100", token, page_number=50
        )
        # Page 501 of pages with 1,000 runs begins after 500,000 runs. Its cursor is also valid for pages of 100 runs.
        # If the database has fewer runs, its last page is measured.
        path_after_500_000_runs = _path_of_page(port, "/api/v1/runs?limit=1000", token, page_number=501).replace(
            "limit=1000", "limit=100"
        )
        paths_by_name = {
            "constant answer": ["/health"],
            "latest run": [f"/api/v1/pipelines/{pipeline_id}/runs/latest" for pipeline_id in pipeline_ids],
            "summary, a week": [f"/api/v1/clients/{client_id}/runs/summary?since={week}" for client_id in client_ids],
            "summary, all history": [f"/api/v1/clients/{client_id}/runs/summary" for client_id in client_ids],
            "a pipeline's runs, first page": [f"/api/v1/pipelines/{pipeline_with_most_runs}/runs?limit=100"],
            "a pipeline's runs, page 50": [path_of_page_50],
            "all runs, first page": ["/api/v1/runs?limit=100"],
            "all runs, after the first 500,000": [path_after_500_000_runs],
        }
        for name, paths in paths_by_name.items():
            paths = _paths_with_runs(port, paths, token)
            results[name] = asdict(generate_load(port, paths, token=token, seconds=seconds))
        results["memory, MB"] = {**memory_mb_by_process(server_process), "PostgreSQL": postgres_memory_mb()}
    return results


def _first_column(connection: psycopg.Connection[tuple[Any, ...]], query: str) -> list[Any]:
    return [row[0] for row in connection.execute(query.encode()).fetchall()]


def _paths_with_runs(port: int, paths: list[str], token: str) -> list[str]:
    """Leave out the paths that answer 404: the paths of the latest run of pipelines without runs."""
    if "/runs/latest" not in paths[0]:
        return paths
    paths_with_runs = []
    for path in paths:
        try:
            _get_json(port, path, token)
        except HTTPError as error:
            if error.code != 404:
                raise
            continue
        paths_with_runs.append(path)
    return paths_with_runs


def _path_of_page(port: int, path: str, token: str, *, page_number: int) -> str:
    """Return the path of the page with this number, or of the last page if the list has fewer pages."""
    page_path = path
    for _ in range(page_number - 1):
        cursor = _get_json(port, page_path, token)["next_cursor"]
        if cursor is None:
            break
        page_path = f"{re.sub('&cursor=.*', '', path)}&cursor={quote(cursor)}"
    return page_path


def _get_json(port: int, path: str, token: str) -> Any:
    request = Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"})
    with urlopen(request, timeout=60) as response:
        return json.load(response)
