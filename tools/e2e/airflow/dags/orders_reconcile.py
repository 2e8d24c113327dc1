"""A DAG whose id contains a dot and a dash. Runs of odd hours, such as 01:30, fail after one retry."""

from datetime import datetime, timedelta, timezone
from airflow.sdk import DAG, task, get_current_context

with DAG(
    "orders.reconcile-v2",
    schedule=timedelta(minutes=30),
    start_date=datetime(2026, 11, 2, tzinfo=timezone.utc),
    end_date=datetime(2026, 11, 2, 9, 30, tzinfo=timezone.utc),
    catchup=True,
    max_active_runs=3,
    tags=["finance"],
):

    @task(retries=1, retry_delay=timedelta(seconds=2))
    def reconcile():
        ctx = get_current_context()
        start = ctx["data_interval_start"]
        if start.hour % 2:
            raise ValueError(f"ledger mismatch for {start.isoformat()}: expected 10 got 9")

    @task
    def publish():
        pass

    reconcile() >> publish()
