"""Read why DAG runs failed: the failed tasks of many runs with one request, then the log of each run's first failure.

API: https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html. Airflow 2 has the same requests
below /api/v1.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from ingestion.connectors.base import FailedRun, FailedRunText, field_of
from ingestion.errors import BadAnswer, NotFound, Refused, TokenRefused
from ingestion.http import PartnerSession

RUNS_PER_REQUEST = 50
PAGE_SIZE = 100  # Airflow's default maximum
# Logs of failures that are older than this are not read. So a backfill of several years needs only one request per 50
# failed runs, and not one request per run.
LOG_DAYS = 7
MAX_LOG_LINES = 15
MAX_LINE_CHARACTERS = 400
# Lines that begin or end a collapsible group in Airflow's logs, and empty lines.
IGNORED_LOG_LINE_PATTERN = re.compile(r"^(::(end)?group::|\s*$)")
NO_FAILED_TASK = "No task of this run failed. Somebody marked the run as failed, or the whole run timed out."

Task = dict[str, Any]


def error_texts(session: PartnerSession, api: str, runs: Sequence[FailedRun]) -> Iterator[FailedRunText]:
    """Yield each run with its text; `api` is /api/v2 or /api/v1."""
    logs_since = datetime.now(UTC) - timedelta(days=LOG_DAYS)
    for start in range(0, len(runs), RUNS_PER_REQUEST):
        batch = runs[start : start + RUNS_PER_REQUEST]
        tasks_by_run = _failed_tasks(session, api, batch)
        for run in batch:
            tasks = tasks_by_run.get((run.external_id, run.external_run_id), [])
            # The earliest failure first, because it is often the cause of later ones. "~" sorts tasks without an end
            # last.
            tasks.sort(key=lambda task: (str(task.get("end_date") or "~"), str(task.get("task_id"))))
            if not tasks:
                yield run, NO_FAILED_TASK
                continue
            is_recent = run.finished_at is None or run.finished_at >= logs_since
            log = _log_of_last_try(session, api, tasks[0]) if is_recent else []
            yield run, failure_text(tasks, log)


def _failed_tasks(session: PartnerSession, api: str, runs: Sequence[FailedRun]) -> dict[tuple[str, str], list[Task]]:
    """Return the failed tasks by dag_id and dag_run_id."""
    keys = {(run.external_id, run.external_run_id) for run in runs}
    body: dict[str, Any] = {
        "dag_ids": sorted({dag for dag, _ in keys}),
        "dag_run_ids": sorted({run for _, run in keys}),
        "state": ["failed"],
        "page_limit": PAGE_SIZE,
    }
    tasks: dict[tuple[str, str], list[Task]] = {}
    offset = 0
    while True:
        response_body = session.post(f"{api}/dags/~/dagRuns/~/taskInstances/list", body | {"page_offset": offset})
        rows = field_of(response_body, "task_instances", list, "the answer")
        for row in rows:
            # Run ids are unique only within a DAG. The API filters by DAGs and run ids separately, so the response can
            # have tasks of other runs.
            if isinstance(row, dict) and (key := (str(row.get("dag_id")), str(row.get("dag_run_id")))) in keys:
                tasks.setdefault(key, []).append(row)
        offset += len(rows)
        total = response_body.get("total_entries")
        if not rows or not isinstance(total, int) or offset >= total:
            return tasks


def _log_of_last_try(session: PartnerSession, api: str, task: Task) -> list[str]:
    """Return the log of a task's last try as lines; empty if it cannot be read, for example without permission."""
    try_number = task.get("try_number")
    if not isinstance(try_number, int) or try_number < 1:
        return []
    dag, run, name = (quote(str(task.get(key)), safe="") for key in ("dag_id", "dag_run_id", "task_id"))
    query = {"full_content": "true"}
    if isinstance(index := task.get("map_index"), int) and index >= 0:
        query["map_index"] = str(index)
    try:
        response_body = session.get(f"{api}/dags/{dag}/dagRuns/{run}/taskInstances/{name}/logs/{try_number}", query)
    except TokenRefused:
        # Not handled like other refusals, because every further request would fail too.
        raise
    except (NotFound, Refused, BadAnswer):
        return []
    return log_lines(response_body.get("content") if isinstance(response_body, dict) else None)


def log_lines(content: object) -> list[str]:
    """Return the lines of a log in any of Airflow's formats, with exceptions as Python prints them."""
    lines: list[str] = []
    if isinstance(content, str):
        # Airflow 2 returns the repr of a Python list of pairs. Read only its end, because a log can have megabytes.
        lines.extend(content[-64 * 1024 :].removesuffix("')]").replace("\\n", "\n").splitlines())
    elif isinstance(content, list):
        for entry in content:
            if isinstance(entry, str):
                lines.extend(entry.splitlines())
            elif isinstance(entry, dict):
                lines.extend(str(entry.get("event") or "").splitlines())
                lines.extend(_exception_lines(entry.get("error_detail")))
    return [line.rstrip()[:MAX_LINE_CHARACTERS] for line in lines if not IGNORED_LOG_LINE_PATTERN.match(line)]


def _exception_lines(detail: object) -> Iterator[str]:
    """Yield the lines of the exceptions in a structured log entry. The exception that ended the task comes last."""
    for exception in reversed(detail) if isinstance(detail, list) else ():
        if isinstance(exception, Mapping) and exception.get("exc_type"):
            yield "Traceback (most recent call last):"
            value = str(exception.get("exc_value") or "")
            yield f"{exception['exc_type']}: {value}" if value else str(exception["exc_type"])


def failure_text(tasks: Sequence[Task], log: Sequence[str]) -> str:
    """Return the error text of a run: the first failed task, its error, the other failed tasks, the end of the log."""
    first, *others = tasks
    text = f"Task {_task_name(first)} failed{_try_number_text(first)}"
    if error := _last_exception(log):
        text += f": {error}"
    if others:
        names = ", ".join(map(_task_name, others[:5]))
        text += f"\nAlso failed: {names}" + (f" and {len(others) - 5} more" if len(others) > 5 else "")
    if log:
        text += "\n\nThe end of its log:\n" + "\n".join(log[-MAX_LOG_LINES:])
    return text


def _task_name(task: Task) -> str:
    index = task.get("map_index")
    return f"{task.get('task_id')}" + (f"[{index}]" if isinstance(index, int) and index >= 0 else "")


def _try_number_text(task: Task) -> str:
    try_number, max_retries = task.get("try_number"), task.get("max_tries")
    if not isinstance(try_number, int) or try_number < 1:
        return ""
    if not isinstance(max_retries, int):
        return f" (try {try_number})"
    # Airflow's max_tries does not count the first try. After a task was cleared, try_number can be larger.
    return f" (try {try_number} of {max(try_number, max_retries + 1)})"


def _last_exception(log: Sequence[str]) -> str | None:
    """Return the exception of the log's last traceback, or None without a traceback."""
    starts = [number for number, line in enumerate(log) if "Traceback (most recent call last)" in line]
    if not starts:
        return None
    # The exception is the first line without an indent, because Python indents the frames of a traceback.
    return next((line.strip() for line in log[starts[-1] + 1 :] if line and not line[0].isspace()), None)
