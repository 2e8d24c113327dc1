"""A DAG that always succeeds. Because `catchup` is true, Airflow starts 24 runs of a past day, four at a time."""

from datetime import datetime, timezone
import time
from airflow.sdk import DAG, Asset, task

with DAG(
    "sales_daily_load",
    schedule="0 * * * *",
    start_date=datetime(2026, 11, 1, tzinfo=timezone.utc),
    end_date=datetime(2026, 11, 1, 23, tzinfo=timezone.utc),
    catchup=True,
    max_active_runs=4,
    tags=["sales", "chm"],
    owner_links={},
    description="Loads one hour of sales",
):

    @task(outlets=[Asset("s3://lake/sales/hourly")])
    def load():
        time.sleep(0.5)
        return {"rows": 1234}

    load()
