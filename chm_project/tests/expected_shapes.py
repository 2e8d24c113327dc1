"""The expected rows of each shape for the controlled seed, calculated by hand. Columns are in the order of the shape.

`hours_ago(24)` is 24 hours before AS_OF. In EXPECTED_ROWS, external ids stand for runs. `expected_rows` replaces them
with the ids of the runs, and adds the ids of clients and pipelines.
"""

from datetime import date
from typing import Any
from urllib.parse import quote

from chm_project.tests.controlled_seed import ORDERS_URL, hours_ago
from inventory.models import Client, Pipeline
from runs.models import Run
from runs.reporting.shapes import shapes

# The fingerprint of "relation # does not exist" on Airflow.
MISSING_RELATION = "0be9897c3b37"

EXPECTED_ROWS: dict[str, list[tuple[object, ...]]] = {
    "failures_over_time": [
        (hours_ago(168), 1), (hours_ago(40), 1), (hours_ago(30), 1), (hours_ago(26), 1), (hours_ago(24), 1),
        (hours_ago(3), 1), (hours_ago(2), 1), (hours_ago(1), 2),
    ],
    "latest_status_by_pipeline": [
        ("Acme", "Orders", "airflow", "failed", hours_ago(3.5), hours_ago(1), "run 6"),
        ("Acme", "Payments", "vendor_api", "success", hours_ago(1 + 1 / 60), None, "run 26"),
        ("Borealis", "Hourly", "dbt", "success", hours_ago(5), None, "run 52"),
        ("Borealis", "New", "custom", "success", hours_ago(2), None, "run 57"),
        ("Borealis", "Sync", "vendor_api", "running", hours_ago(0.5), None, "run 56"),
        ("Delta", "Empty", "custom", None, None, None, None),
    ],
    "failure_counts_by_client": [("Acme", 4, 7), ("Cygnus", 1, 1), ("Borealis", 0, 1), ("Delta", 0, 0)],
    "top_flaky_pipelines": [
        ("Acme", "Orders", "airflow", 3, 6, 0.5, 3, "flaky"),
        ("Acme", "Payments", "vendor_api", 3, 20, 0.15, 2, "flaky"),
        ("Borealis", "Sync", "vendor_api", 1, 4, 0.25, 1, "rare"),
    ],
    "failure_rate_by_platform": [
        ("cron", 1, 1, 1.0), ("airflow", 4, 6, 0.6667), ("vendor_api", 4, 8, 0.5), ("custom", 0, 1, 0.0),
        ("dbt", 0, 24, 0.0),
    ],
    "run_duration_distribution": [(1, 10), (2, 1), (4, 25), (7, 1), (11, 1), (21, 1)],
    "failing_now": [
        ("Acme", "Orders", "airflow", "prod", hours_ago(26), 2, hours_ago(120),
         "relation staging.orders does not exist", "failed",
         False, "run 6", MISSING_RELATION, False, None, None, None),
    ],
    # The earlier failure of Orders has no error text, so the incident begins later than the streak of failures.
    "incidents": [
        (MISSING_RELATION, "airflow", hours_ago(2), hours_ago(2), 1, 1, "Acme",
         "relation staging.orders does not exist",
         "relation # does not exist", "run 6", "run 6", 0),
    ],
    "late_pipelines": [
        ("Borealis", "Hourly", "dbt", "prod", hours_ago(5), 60.0, hours_ago(4), hours_ago(3.75), 225,
         "Its source had planned it for 17 June 08:00 UTC", "run 52"),
    ],
    # The run took 60 s, half of the median of the 16 successes before it.
    "unusual_runs": [("Acme", "Payments", "vendor_api", "prod", hours_ago(1), "quick", 60, 120, None, 50, "run 26")],
    "weekly_status_mix": [
        (date(2026, 5, 4), "success", 1),
        (date(2026, 5, 25), "skipped", 1), (date(2026, 5, 25), "success", 7),
        (date(2026, 6, 1), "success", 7),
        (date(2026, 6, 8), "failed", 1), (date(2026, 6, 8), "success", 3),
        (date(2026, 6, 15), "canceled", 1), (date(2026, 6, 15), "failed", 8), (date(2026, 6, 15), "running", 1),
        (date(2026, 6, 15), "success", 28),
    ],
    "daily_success": [
        (date(2026, 6, 10), 1, 0, 1, 0.0), (date(2026, 6, 12), 1, 1, 0, 1.0), (date(2026, 6, 15), 1, 0, 1, 0.0),
        (date(2026, 6, 16), 20, 17, 3, 0.85), (date(2026, 6, 17), 17, 11, 4, 0.6471),
    ],
    "failure_streaks": [
        ("Cygnus", "Archive", "airflow", hours_ago(1), None, 1, None, "run 58"),
        ("Acme", "Payments", "vendor_api", hours_ago(24), hours_ago(1), 3, None, "run 23"),
        ("Acme", "Orders", "airflow", hours_ago(26), None, 2, None, "run 4"),
        ("Borealis", "Sync", "vendor_api", hours_ago(30), hours_ago(4), 1, None, "run 54"),
        ("Acme", "Legacy", "cron", hours_ago(40), None, 1, None, "run 28"),
        ("Acme", "Orders", "airflow", hours_ago(168), hours_ago(120), 1, None, "run 2"),
    ],
    "client_risk": [("Acme", 6, 10, 0.6), ("Borealis", 1, 28, 0.0357), ("Delta", 0, 0, None)],
    "changes_since_yesterday": [
        ("Acme", "Payments", "vendor_api", "failed", "success", hours_ago(1), "recovered", "run 26"),
        ("Borealis", "Sync", "vendor_api", "failed", "success", hours_ago(4), "recovered", "run 55"),
        ("Borealis", "New", "custom", None, "success", hours_ago(2), "first_success", "run 57"),
    ],
    "vendor_dependency": [("vendor_api", 4, 24, 0.1667), ("other_platforms", 5, 33, 0.1515)],
    "weekly_success_by_client": [
        ("Acme", date(2026, 5, 4), 1, 1.0, None),
        ("Acme", date(2026, 5, 25), 7, 1.0, None),
        ("Acme", date(2026, 6, 1), 7, 1.0, 0.0),
        ("Acme", date(2026, 6, 8), 4, 0.75, -0.25),
        ("Acme", date(2026, 6, 15), 8, 0.25, -0.5),
        ("Borealis", date(2026, 5, 25), 1, 0.0, None),
        ("Borealis", date(2026, 6, 15), 28, 0.9286, None),
    ],
    "client_throughput": [
        ("Acme", 26, 1650, 91.67, 1.2498), ("Borealis", 29, 240, 9.6, 0.2041), ("Delta", 0, 0, None, None),
    ],
    "freshness_watchlist": [
        ("Delta", "Empty", "custom", "staging", None, None, None, None),
        ("Acme", "Orders", "airflow", "prod", hours_ago(3.5), hours_ago(120), 120.0, "run 6"),
        ("Borealis", "Hourly", "dbt", "prod", hours_ago(5), hours_ago(5 - 1 / 6), 4.8, "run 52"),
        ("Borealis", "Sync", "vendor_api", "staging", hours_ago(0.5), hours_ago(4), 4.0, "run 56"),
        ("Borealis", "New", "custom", "dev", hours_ago(2), hours_ago(2), 2.0, "run 57"),
        ("Acme", "Payments", "vendor_api", "prod", hours_ago(1 + 1 / 60), hours_ago(1), 1.0, "run 26"),
    ],
    "reliability_by_environment": [("dev", 1, 2, 0.5), ("staging", 1, 4, 0.25), ("prod", 7, 51, 0.1373)],
    "ingestion_health": [
        ("Acme", "airflow", 1, 0, 1, 1, hours_ago(2), "GET /dagRuns answered 503", 0, 0),
        ("Acme", "vendor_api", 1, 0, 0, 0, hours_ago(0.25), None, 0, 1),
        ("Borealis", "dbt", 1, 1, 0, 0, None, None, 1, 0),
    ],
    "governance_gaps": [
        ("Borealis", "Hourly", "no_alert_rule"),
        ("Borealis", "New", "no_external_id"),
        ("Borealis", "Sync", "no_alert_rule"), ("Borealis", "Sync", "no_external_id"),
        ("Delta", "Empty", "no_alert_rule"), ("Delta", "Empty", "no_external_id"), ("Delta", "Empty", "no_run_30d"),
    ],
}  # fmt: skip


def expected_rows(name: str) -> list[tuple[Any, ...]]:
    """Return the expected rows of a shape, including ids. The controlled seed must be in the database."""
    columns = [column.name for column in shapes()[name].columns]
    clients = dict(Client.objects.values_list("name", "pk"))
    pipelines = {(p.client.name, p.name): p.pk for p in Pipeline.objects.select_related("client")}
    runs = dict(Run.objects.values_list("external_run_id", "pk"))
    rows = []
    for values in EXPECTED_ROWS[name]:
        expected_columns = (column for column in columns if column not in {"client_id", "pipeline_id", "source_url"})
        row: dict[str, Any] = dict(zip(expected_columns, values, strict=True))
        if "source_url" in columns:  # only the pipeline Orders has a URL at its source
            row["source_url"] = f"{ORDERS_URL}/{quote(row['run_id'])}" if row["pipeline_name"] == "Orders" else None
        for id_column in ("run_id", "first_run_id"):
            if id_column in columns:
                row[id_column] = runs.get(row[id_column])
        if "client_id" in columns:
            row["client_id"] = clients[row["client_name"]]
        if "pipeline_id" in columns:
            row["pipeline_id"] = pipelines[row["client_name"], row["pipeline_name"]]
        rows.append(tuple(row[column] for column in columns))
    return rows
