"""A DAG whose runs last conf["seconds"] seconds (default 45). At most one run runs at a time; other runs are queued."""

from datetime import datetime, timezone
import time
from airflow.sdk import DAG, task, get_current_context

with DAG(
    "long_haul_export",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    max_active_runs=1,
    tags=["export"],
):

    @task
    def export():
        conf = get_current_context()["dag_run"].conf or {}
        time.sleep(float(conf.get("seconds", 45)))
        if conf.get("fail"):
            raise RuntimeError("remote closed the connection")

    export()
