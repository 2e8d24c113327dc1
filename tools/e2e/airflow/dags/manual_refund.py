"""A DAG without a schedule. The error text of a failed run contains a planted secret."""

from datetime import datetime, timezone
import time
from airflow.sdk import DAG, task, get_current_context

with DAG(
    "manual_refund",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    params={"order_id": 0, "reason": "none"},
    tags=["manual", "pii"],
):

    @task
    def refund():
        conf = get_current_context()["dag_run"].conf or {}
        time.sleep(float(conf.get("seconds", 0)))
        if conf.get("fail"):
            raise RuntimeError("gateway answered 502 for https://user:hunter2@pay.example.test/refund")

    refund()
