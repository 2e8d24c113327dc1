"""Shapes that read runs through an index never scan the whole table."""

import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from runs.reporting.parameters import validated
from runs.reporting.shapes import shapes

UNTIL = datetime.fromisoformat("2026-06-17T12:00:00Z")
# USED_INDEXES has, for some shapes, the indexes that they must use in an index-only scan. Such a scan needs a vacuumed
# table.
EVENT_INDEX, LATEST_INDEX, FAILED_INDEX = "runs_by_event", "runs_latest", "runs_failed"
PIPELINE_INDEX, FAILED_BY_PIPELINE_INDEX = "runs_by_pipeline_event", "runs_failed_by_pipeline"
USED_INDEXES = {
    "failures_over_time": {FAILED_INDEX},
    "latest_status_by_pipeline": {LATEST_INDEX},
    "failure_counts_by_client": {FAILED_INDEX},
    "top_flaky_pipelines": {FAILED_INDEX, LATEST_INDEX, PIPELINE_INDEX},
    "failure_rate_by_platform": {EVENT_INDEX},
    "run_duration_distribution": {EVENT_INDEX},
    "failing_now": {LATEST_INDEX},
    "incidents": {LATEST_INDEX},
    "late_pipelines": {LATEST_INDEX},
    "unusual_runs": {EVENT_INDEX, PIPELINE_INDEX},
    "client_risk": {EVENT_INDEX},
    "daily_success": {EVENT_INDEX},
    "failure_streaks": {FAILED_INDEX},
    "changes_since_yesterday": {LATEST_INDEX, FAILED_BY_PIPELINE_INDEX},
    "vendor_dependency": {EVENT_INDEX},
    "client_throughput": {EVENT_INDEX},
    "freshness_watchlist": {LATEST_INDEX},
    "reliability_by_environment": {EVENT_INDEX},
}

# These shapes return columns that the index does not contain: run ids, and addresses of latest runs.
ALLOWED_SCANS = {"failure_streaks": {"Index Scan"}, "latest_status_by_pipeline": {"Index Scan"}}


def plan_nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", []) for node in plan_nodes(part))]


@pytest.fixture
def history(transactional_db: None) -> None:
    call_command("generate_history", clients=4, pipelines=60, runs=60_000, days=365, until=UNTIL, verbosity=0)
    # Parallel tests commit without waiting for the disk. VACUUM marks a page as visible only after its commits are on
    # the disk, so repeat VACUUM until most pages are visible.
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
        cursor.execute("ANALYZE pipelines")
        for _ in range(100):
            cursor.execute("VACUUM runs")
            cursor.execute("SELECT relallvisible > 0.9 * relpages FROM pg_class WHERE oid = 'public.runs'::regclass")
            if cursor.fetchone() == (True,):
                break
            time.sleep(0.1)
        cursor.execute("RESET synchronous_commit")


def test_shapes_with_expected_indexes_do_not_scan_all_runs(history: None) -> None:
    for name, expected in USED_INDEXES.items():
        values = validated(shapes()[name].parameters, {"as_of": UNTIL - timedelta(seconds=1)})
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT json) {shapes()[name].sql}", values)
            [[[explain_output]]] = cursor.fetchall()
        plan = plan_nodes(explain_output["Plan"])
        assert not [n for n in plan if n["Node Type"] == "Seq Scan" and n["Relation Name"] == "runs"], name
        used_indexes = {n["Index Name"] for n in plan if n["Node Type"] in ALLOWED_SCANS.get(name, {"Index Only Scan"})}
        assert expected <= used_indexes, f"{name}: {used_indexes}"


def test_shapes_read_the_runs_of_pipelines_in_the_order_of_pipeline_ids(history: None) -> None:
    for name in ("changes_since_yesterday", "late_pipelines"):
        values = validated(shapes()[name].parameters, {"as_of": UNTIL - timedelta(seconds=1)})
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT json) {shapes()[name].sql}", values)
            [[[explain_output]]] = cursor.fetchall()
        plan = plan_nodes(explain_output["Plan"])
        # PostgreSQL sorts the pipelines by id, or reads them in this order from the index of their primary key.
        sort_keys = [node.get("Sort Key", []) for node in plan]
        by_primary_key = any(n.get("Index Name") == "pipelines_pkey" and "Index Cond" not in n for n in plan)
        assert by_primary_key or any(len(key) == 1 and key[0].endswith(".id") for key in sort_keys), name
