"""Measure shapes, compared with the minimum for their question: `python -m tools.bench.reporting` prints them as JSON.

The minimum is a count of the runs in the window, or, for shapes about each pipeline, a look-up of each latest run. It
reads the database of CHM_DATABASE_URL, for example after `manage.py generate_history`. `make bench` starts it as a
separate process.
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

# A query that needs longer is canceled, because over millions of runs some plain SQL queries need hours.
LONGEST_SECONDS = 20
WINDOW = "count of the window"
PROBES = "probe of each pipeline"
# These shapes are compared with a look-up per pipeline, the others with a count of the window.
SHAPES_PER_PIPELINE = {
    "latest_status_by_pipeline", "failing_now", "late_pipelines", "freshness_watchlist", "governance_gaps",
    "ingestion_health", "changes_since_yesterday", "incidents",
}  # fmt: skip
# The minimum for each kind of question.
MINIMUM_SQL = {
    WINDOW: "SELECT count(*) FROM runs WHERE event_at >= %(since)s AND event_at < %(until)s",
    PROBES: """
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
    from tools.support.naive_shapes import NAIVE

    with connection.cursor() as cursor:

        def best_seconds(sql: str, values: dict[str, Any], repetitions: int = 5) -> float:
            # The fastest of the repetitions, because other work of the machine can only make a query slower.
            best = float("inf")
            for _ in range(repetitions):
                started = time.perf_counter()
                try:
                    cursor.execute(sql, values)
                except OperationalError as error:
                    if not isinstance(error.__cause__, QueryCanceled):
                        raise
                    return LONGEST_SECONDS
                cursor.fetchall()
                best = min(best, time.perf_counter() - started)
            return best

        cursor.execute(f"SET statement_timeout = '{LONGEST_SECONDS} s'")

        cursor.execute("SELECT max(event_at) FROM runs")
        [as_of] = cursor.fetchone()
        results: dict[str, Any] = {}
        for name, shape in shapes().items():
            weeks = int(shape.parameters.get("weeks") or 12) if "weeks" in shape.parameters else None
            # These two shapes have a fixed window of seven days.
            days = weeks * 7 if weeks else 7 if name in {"client_risk", "failure_counts_by_client"} else 30
            window = {"since": as_of - timedelta(days=days), "until": as_of}
            parameters = {"as_of": as_of} | ({"since": window["since"]} if "since" in shape.parameters else {})
            yardstick = PROBES if name in SHAPES_PER_PIPELINE else WINDOW
            # The minimum is measured before and after the shape, because the speed of a busy machine changes quickly.
            yardstick_seconds = best_seconds(MINIMUM_SQL[yardstick], window)
            shape_seconds = best_seconds(shape.sql, validated(shape.parameters, parameters))
            yardstick_seconds = min(yardstick_seconds, best_seconds(MINIMUM_SQL[yardstick], window))
            yardstick_text = yardstick if name in SHAPES_PER_PIPELINE else f"{yardstick}, {days} days"
            results[name] = {
                "ms": round(shape_seconds * 1000, 1),
                "yardstick": f"{yardstick_text}: {yardstick_seconds * 1000:.1f} ms",
                "ratio": round(shape_seconds / yardstick_seconds, 2),
            }
            if name in NAIVE:
                values = {"as_of": as_of, "week": window["since"], "month": window["since"], "limit": 20}
                results[name]["naive ms"] = round(best_seconds(NAIVE[name], values, repetitions=1) * 1000)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
