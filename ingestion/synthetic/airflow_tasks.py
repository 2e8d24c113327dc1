"""The failed tasks and logs of a replayed Airflow, made from recorded ones: one failed task for each failed run."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from ingestion.synthetic.airflow_recording import RECORDINGS, RecordedRow
from ingestion.synthetic.partner import Answer, Request

FOLDER = RECORDINGS / "airflow" / "failed-tasks"
TASKS = "/dags/~/dagRuns/~/taskInstances/list"
OF_AIRFLOW_2 = (
    "[('worker-1', '*** Found local files:\\n[2026-11-02, 03:00:00 UTC] {taskinstance.py:3311} ERROR - "
    "Task failed with exception\\nTraceback (most recent call last):\\n"
    '  File "/opt/airflow/dags/legacy.py", line 9, in check\\n    raise ValueError("no rows")\\n'
    "ValueError: no rows\\n[2026-11-02, 03:00:00 UTC] {local_task_job_runner.py:266} INFO - Task exited with return "
    "code 1')]"
)


def recorded(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())["response"]["body"]


def answer_about_tasks(
    request: Request, rows: Iterable[RecordedRow], *, maximum_page_limit: int = 100
) -> Answer | None:
    """Return the answer to a question about tasks or logs, or None for any other question."""
    path = request.path.removeprefix("/api/v2").removeprefix("/api/v1")
    if request.method == "POST" and path == TASKS:
        return _listed(json.loads(request.body), rows, maximum_page_limit)
    parts = [unquote(part) for part in path.split("/")]
    if len(parts) == 9 and parts[5] == "taskInstances" and parts[7] == "logs":
        if request.path.startswith("/api/v1"):
            return Answer(body={"content": OF_AIRFLOW_2, "continuation_token": "x"})
        return Answer(body=recorded("task-log"))
    return None


def _listed(wanted: dict[str, Any], rows: Iterable[RecordedRow], maximum: int) -> Answer:
    template = recorded("task-instances")["task_instances"][0]
    found = [
        template | {"dag_id": dag, "dag_run_id": run, "end_date": row.data["end_date"]}
        for row in rows
        for dag, run in [row.key]
        if row.data["state"] == "failed"
        and dag in (wanted["dag_ids"] or [dag])
        and run in (wanted["dag_run_ids"] or [run])
    ]
    start = wanted.get("page_offset", 0)
    page = found[start : start + min(wanted.get("page_limit", 100), maximum)]
    return Answer(body={"task_instances": page, "total_entries": len(found)})
