"""Measure how long one user waits for the console's pages: `python -m tools.bench.pages`.

The pages show the database of CHM_DATABASE_URL. Without this variable, they show the embedded database in CHM_DATA_DIR.
The database must have a failed run; `manage.py generate_history` generates some. The command adds a superuser `bench`.
"""

import argparse
import os
import statistics
import time
from typing import Any

import psycopg
import requests

from tools.bench.servers import manage, web_server

# The first requests load code and fill the caches of both web processes, so they are not measured.
REPETITION_COUNT, WARM_UP_COUNT = 10, 4
PASSWORD = "only-for-the-bench"  # noqa: S105  # a database for measurements has only generated data


def measure(url: str) -> dict[str, Any]:
    """Return the milliseconds and the size of each page of the console."""
    with psycopg.connect(url) as connection:
        [(run_id, pipeline_id, client_id)] = connection.execute(
            "SELECT r.id, p.id, p.client_id FROM runs AS r JOIN pipelines AS p ON p.id = r.pipeline_id"
            " WHERE r.status = 'failed' ORDER BY r.event_at DESC LIMIT 1"
        ).fetchall()
    manage("shell", "--verbosity", "0", "--command", CREATE_USER_CODE, CHM_DATABASE_URL=url)
    paths = {
        "health board, computed": "/admin/?since={}",
        "health board, cached": "/admin/",
        "health board of a client": f"/admin/?client={client_id}",
        "all that fails": "/admin/console/list/failing/",
        "a client": f"/admin/console/client/{client_id}/",
        "a pipeline": f"/admin/console/pipeline/{pipeline_id}/",
        "a run": f"/admin/runs/run/{run_id}/change/",
    }
    with web_server(CHM_DATABASE_URL=url) as (port, _), requests.Session() as session:
        base_url = f"http://127.0.0.1:{port}"
        session.get(f"{base_url}/admin/login/", timeout=60)
        session.post(
            f"{base_url}/admin/login/",
            {"username": "bench", "password": PASSWORD, "csrfmiddlewaretoken": session.cookies["csrftoken"]},
            timeout=60,
        )
        return {name: _measure_page(session, base_url + path) for name, path in paths.items()}


CREATE_USER_CODE = f"""
from django.contrib.auth.models import User
User.objects.filter(username="bench").exists() or User.objects.create_superuser("bench", password={PASSWORD!r})
"""


def _measure_page(session: requests.Session, url_template: str) -> dict[str, float]:
    """Return the milliseconds and the size of a page, without the requests that warm up the server.

    If the URL contains `{}`, each request has a different time in this place. So the server cannot return a cached
    board.
    """
    times_ms = []
    for request_number in range(REPETITION_COUNT + WARM_UP_COUNT):
        started = time.perf_counter()
        response = session.get(url_template.format(f"2026-01-01T00:00:{request_number:02}"), timeout=60)
        if request_number >= WARM_UP_COUNT:
            times_ms.append((time.perf_counter() - started) * 1000)
        response.raise_for_status()
        assert "/login/" not in response.url
    return {
        "median": round(statistics.median(times_ms)),
        "worst": round(max(times_ms)),
        "kB": len(response.content) // 1000,
    }


def table(results: dict[str, Any]) -> list[str]:
    lines = ["Pages of the console, one reader:", "", "| | median ms | worst of ten, ms | kB |", "|---|--:|--:|--:|"]
    return lines + [f"| {name} | {page['median']} | {page['worst']} | {page['kB']} |" for name, page in results.items()]


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    from chm_project.local.embedded import start_missing_servers

    start_missing_servers()
    os.environ["CHM_DEBUG"] = "0"  # as in production
    print("\n".join(table(measure(os.environ["CHM_DATABASE_URL"]))))


if __name__ == "__main__":
    main()
