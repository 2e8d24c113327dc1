"""Shapes read runs by their indexes, and the latest run with one index probe per pipeline."""

import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from runs.reporting.parameters import validated
from runs.reporting.shapes import shapes

UNTIL = datetime.fromisoformat("2026-06-17T12:00:00Z")
# The index that each shape must use, in an index-only scan, because the history is vacuumed.
BY_EVENT, LATEST, FAILED = "runs_by_event", "runs_latest", "runs_failed"
USED_INDEXES = {
    "failures_over_time": {FAILED},
    "latest_status_by_pipeline": {LATEST},
    "failure_counts_by_client": {FAILED},
    "top_flaky_pipelines": {FAILED, LATEST},
    "failure_rate_by_platform": {BY_EVENT},
    "run_duration_distribution": {BY_EVENT},
    "failing_now": {LATEST},
    "incidents": {LATEST},
    "late_pipelines": {LATEST},
    "unusual_runs": {BY_EVENT},
    "client_risk": {BY_EVENT},
    "daily_success": {BY_EVENT},
    "failure_streaks": {FAILED},
    "changes_since_yesterday": {LATEST},
    "vendor_dependency": {BY_EVENT},
    "client_throughput": {BY_EVENT},
    "freshness_watchlist": {LATEST},
    "reliability_by_environment": {BY_EVENT},
}

# The index of failures does not contain run ids, which this shape returns.
SCANS = {"failure_streaks": {"Index Scan"}}


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", []) for node in nodes(part))]


@pytest.fixture
def history(transactional_db: None) -> None:
    call_command("generate_history", clients=4, pipelines=60, runs=60_000, days=365, until=UNTIL, verbosity=0)
    # Parallel tests commit without waiting for the disk, and VACUUM marks a page as visible only after its commits are
    # written, so repeat it until it does.
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
        for _ in range(100):
            cursor.execute("VACUUM runs")
            cursor.execute("SELECT relallvisible > 0.9 * relpages FROM pg_class WHERE oid = 'public.runs'::regclass")
            if cursor.fetchone() == (True,):
                break
            time.sleep(0.1)
        cursor.execute("RESET synchronous_commit")


def test_no_shape_scans_all_runs(history: None) -> None:
    for name, expected in USED_INDEXES.items():
        values = validated(shapes()[name].parameters, {"as_of": UNTIL - timedelta(seconds=1)})
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT json) {shapes()[name].sql}", values)
            [[[explained]]] = cursor.fetchall()
        plan = nodes(explained["Plan"])
        assert not [n for n in plan if n["Node Type"] == "Seq Scan" and n["Relation Name"] == "runs"], name
        used_indexes = {n["Index Name"] for n in plan if n["Node Type"] in SCANS.get(name, {"Index Only Scan"})}
        assert expected <= used_indexes, f"{name}: {used_indexes}"
