"""Measure how long one user waits for the console's pages."""

import os
import statistics
import time
from typing import Any

import psycopg
import requests

from tools.bench.servers import manage, web_server

# The first requests of each web process load code and fill caches, so they are not measured.
REPETITIONS, WARM_UP = 10, 4
PASSWORD = "only-for-the-bench"  # noqa: S105 - the database is deleted afterwards


def measure(url: str) -> dict[str, Any]:
    """Return the milliseconds and the size of each page of the console."""
    with psycopg.connect(url) as connection:
        [(run, pipeline, client)] = connection.execute(
            "SELECT r.id, p.id, p.client_id FROM runs AS r JOIN pipelines AS p ON p.id = r.pipeline_id"
            " WHERE r.status = 'failed' ORDER BY r.event_at DESC LIMIT 1"
        ).fetchall()
    manage("shell", "--verbosity", "0", "--command", _CREATE_USER, CHM_DATABASE_URL=url)
    pages = {
        "health board, read": "/admin/?since={}",
        "health board": "/admin/",
        "health board of a client": f"/admin/?client={client}",
        "all that fails": "/admin/console/list/failing/",
        "a client": f"/admin/console/client/{client}/",
        "a pipeline": f"/admin/console/pipeline/{pipeline}/",
        "a run": f"/admin/runs/run/{run}/change/",
    }
    with web_server(CHM_DATABASE_URL=url) as (port, _), requests.Session() as session:
        root = f"http://127.0.0.1:{port}"
        session.get(f"{root}/admin/login/", timeout=60)
        session.post(
            f"{root}/admin/login/",
            {"username": "bench", "password": PASSWORD, "csrfmiddlewaretoken": session.cookies["csrftoken"]},
            timeout=60,
        )
        return {name: _page(session, root + path) for name, path in pages.items()}


_CREATE_USER = f"""
from django.contrib.auth.models import User
User.objects.filter(username="bench").exists() or User.objects.create_superuser("bench", password={PASSWORD!r})
"""


def _page(session: requests.Session, address: str) -> dict[str, float]:
    """Return the milliseconds and the size of a page, measured after some requests that warm up both web processes.

    In each request `{}` in the address is replaced by another time, so that no cached board is returned.
    """
    times = []
    for number in range(REPETITIONS + WARM_UP):
        started = time.perf_counter()
        answer = session.get(address.format(f"2026-01-01T00:00:{number:02}"), timeout=60)
        if number >= WARM_UP:
            times.append((time.perf_counter() - started) * 1000)
        answer.raise_for_status()
        assert "/login/" not in answer.url
    return {"median": round(statistics.median(times)), "worst": round(max(times)), "kB": len(answer.content) // 1000}


def table(results: dict[str, Any]) -> list[str]:
    lines = ["Pages of the console, one reader:", "", "| | median ms | worst of ten, ms | kB |", "|---|--:|--:|--:|"]
    return lines + [f"| {name} | {page['median']} | {page['worst']} | {page['kB']} |" for name, page in results.items()]


# `python -m tools.bench.pages` measures the existing database of CHM_DATABASE_URL, or the embedded one in CHM_DATA_DIR.
if __name__ == "__main__":
    from chm_project.local.embedded import start_missing_servers

    start_missing_servers()
    os.environ["CHM_DEBUG"] = "0"  # as in production
    print("\n".join(table(measure(os.environ["CHM_DATABASE_URL"]))))
