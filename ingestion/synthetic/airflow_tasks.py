"""Responses of the simulated Airflow about tasks and logs. Every failed run has the same recorded failed task."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from ingestion.synthetic.airflow_recording import RECORDINGS, RecordedRow
from ingestion.synthetic.partner import Answer, Request

RECORDED_TASKS_FOLDER = RECORDINGS / "airflow" / "failed-tasks"
TASK_LIST_PATH = "/dags/~/dagRuns/~/taskInstances/list"
AIRFLOW_2_LOG = (
    "[('worker-1', '*** Found local files:\\n[2026-11-02, 03:00:00 UTC] {taskinstance.py:3311} ERROR - "
    "Task failed with exception\\nTraceback (most recent call last):\\n"
    '  File "/opt/airflow/dags/legacy.py", line 9, in check\\n    raise ValueError("no rows")\\n'
    "ValueError: no rows\\n[2026-11-02, 03:00:00 UTC] {local_task_job_runner.py:266} INFO - Task exited with return "
    "code 1')]"
)


def recorded_body(name: str) -> Any:
    return json.loads((RECORDED_TASKS_FOLDER / f"{name}.json").read_text())["response"]["body"]


def answer_about_tasks(
    request: Request, rows: Iterable[RecordedRow], *, maximum_page_limit: int = 100
) -> Answer | None:
    """Return the response to a request for tasks or logs, or None for any other request."""
    path = request.path.removeprefix("/api/v2").removeprefix("/api/v1")
    if request.method == "POST" and path == TASK_LIST_PATH:
        return _task_list(json.loads(request.body), rows, maximum_page_limit)
    parts = [unquote(part) for part in path.split("/")]
    if len(parts) == 9 and parts[5] == "taskInstances" and parts[7] == "logs":
        if request.path.startswith("/api/v1"):
            return Answer(body={"content": AIRFLOW_2_LOG, "continuation_token": "x"})
        return Answer(body=recorded_body("task-log"))
    return None


def _task_list(body: dict[str, Any], rows: Iterable[RecordedRow], maximum_page_limit: int) -> Answer:
    template = recorded_body("task-instances")["task_instances"][0]
    tasks = [
        template | {"dag_id": dag, "dag_run_id": run, "end_date": row.data["end_date"]}
        for row in rows
        for dag, run in [row.key]
        if row.data["state"] == "failed" and dag in (body["dag_ids"] or [dag]) and run in (body["dag_run_ids"] or [run])
    ]
    start = body.get("page_offset", 0)
    page = tasks[start : start + min(body.get("page_limit", 100), maximum_page_limit)]
    return Answer(body={"task_instances": page, "total_entries": len(tasks)})
