"""Measure shapes, and compare each with its yardstick: `python -m tools.bench.reporting` prints the figures as JSON.

A shape of SHAPES_THAT_READ_EACH_PIPELINE is compared with a query that looks up the latest run of each pipeline. Any
other shape is compared with a query that counts the runs in its window. The database is that of CHM_DATABASE_URL, for
example after `manage.py generate_history`. `make bench` starts this module as a separate process.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

from psycopg.errors import QueryCanceled

from tools.bench.servers import ROOT

# Slower queries are canceled. The plain queries of tools.support.simple_shapes would take hours over millions of runs.
QUERY_TIMEOUT_SECONDS = 20
WINDOW_YARDSTICK = "count of the window"
PIPELINE_YARDSTICK = "probe of each pipeline"
# These shapes read the latest run of each pipeline. Some of them group the pipelines.
SHAPES_THAT_READ_EACH_PIPELINE = {
    "latest_status_by_pipeline", "failing_now", "late_pipelines", "freshness_watchlist", "governance_gaps",
    "ingestion_health", "changes_since_yesterday", "incidents",
}  # fmt: skip
# The yardsticks: a query that counts the runs in the window, and one that looks up the latest run of each pipeline.
YARDSTICK_SQL = {
    WINDOW_YARDSTICK: "SELECT count(*) FROM runs WHERE event_at >= %(since)s AND event_at < %(until)s",
    PIPELINE_YARDSTICK: """
        SELECT count(latest.id)
        FROM pipelines AS p
        LEFT JOIN LATERAL (
            SELECT id
            FROM runs
            WHERE pipeline_id = p.id
            ORDER BY
                coalesce(started_at, '-infinity'::timestamptz) DESC,
                coalesce(finished_at, '-infinity'::timestamptz) DESC,
                id DESC
            LIMIT 1
        ) AS latest ON true""",
}


def measure(url: str) -> dict[str, Any]:
    """Return the figures of each shape, by its name, measured in a separate process."""
    environment = {**os.environ, "CHM_DATABASE_URL": url}
    completed = subprocess.run(
        [sys.executable, "-m", "tools.bench.reporting"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True
    )
    shapes: dict[str, Any] = json.loads(completed.stdout)
    return shapes


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
    import django

    django.setup()
    from django.db import OperationalError, connection

    from runs.reporting.parameters import validated
    from runs.reporting.shapes import shapes
    from tools.support.simple_shapes import SIMPLE_QUERIES

    with connection.cursor() as cursor:

        def best_seconds(sql: str, values: dict[str, Any], repetitions: int = 5) -> float:
            # Return the fastest repetition, because other processes of the machine can only slow a query down.
            best = float("inf")
            for _ in range(repetitions):
                started = time.perf_counter()
                try:
                    cursor.execute(sql, values)
                except OperationalError as error:
                    if not isinstance(error.__cause__, QueryCanceled):
                        raise
                    return QUERY_TIMEOUT_SECONDS
                cursor.fetchall()
                best = min(best, time.perf_counter() - started)
            return best

        cursor.execute(f"SET statement_timeout = '{QUERY_TIMEOUT_SECONDS} s'")

        cursor.execute("SELECT max(event_at) FROM runs")
        [as_of] = cursor.fetchone()
        results: dict[str, Any] = {}
        for name, shape in shapes().items():
            weeks = int(shape.parameters.get("weeks") or 12) if "weeks" in shape.parameters else None
            # These two shapes have a fixed window of seven days.
            days = weeks * 7 if weeks else 7 if name in {"client_risk", "failure_counts_by_client"} else 30
            window = {"since": as_of - timedelta(days=days), "until": as_of}
            parameters = {"as_of": as_of} | ({"since": window["since"]} if "since" in shape.parameters else {})
            yardstick = PIPELINE_YARDSTICK if name in SHAPES_THAT_READ_EACH_PIPELINE else WINDOW_YARDSTICK
            # Measure the yardstick before and after the shape, because the speed of a busy machine changes quickly.
            yardstick_seconds = best_seconds(YARDSTICK_SQL[yardstick], window)
            shape_seconds = best_seconds(shape.sql, validated(shape.parameters, parameters))
            yardstick_seconds = min(yardstick_seconds, best_seconds(YARDSTICK_SQL[yardstick], window))
            yardstick_text = yardstick if name in SHAPES_THAT_READ_EACH_PIPELINE else f"{yardstick}, {days} days"
            results[name] = {
                "ms": round(shape_seconds * 1000, 1),
                "yardstick": f"{yardstick_text}: {yardstick_seconds * 1000:.1f} ms",
                "ratio": round(shape_seconds / yardstick_seconds, 2),
            }
            if name in SIMPLE_QUERIES:
                # The simple queries call the start of their window week or month.
                values = {"as_of": as_of, "week": window["since"], "month": window["since"], "limit": 20}
                results[name]["naive ms"] = round(best_seconds(SIMPLE_QUERIES[name], values, repetitions=1) * 1000)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
