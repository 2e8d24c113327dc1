"""Read which tasks of flow runs failed. The state of a flow run has a message, but not the name of the task.

API: https://docs.prefect.io/v3/api-ref/rest-api
"""

from collections.abc import Collection
from typing import Any

from ingestion.errors import Refused, TokenRefused
from ingestion.http import PartnerSession
from ingestion.paging import PageLimit

PAGE_SIZE = 200  # the server's maximum
MAX_PAGES = 10
MAX_LISTED_TASKS = 5  # in the error text of a run


def read_failed_task_lines(session: PartnerSession, flow_run_ids: Collection[str]) -> dict[str, str]:
    """Return lines about the first failed tasks of each flow run, by id.

    Return {} if the server refuses the request.
    """
    if not flow_run_ids:
        return {}
    try:
        failed_tasks, has_all_tasks = _read_failed_tasks(session, flow_run_ids)
        lines = _lines_by_flow_run(failed_tasks, has_all_tasks)
        if not has_all_tasks and len(flow_run_ids) > 1:
            # Read the tasks of each flow run alone. So its lines do not depend on the other flow runs of its page.
            for flow_run_id in sorted(flow_run_ids):
                lines |= _lines_by_flow_run(*_read_failed_tasks(session, [flow_run_id]))
    except TokenRefused:
        # Not handled like other refusals, because every further request would fail too.
        raise
    except Refused:
        return {}
    return lines


def _read_failed_tasks(session: PartnerSession, flow_run_ids: Collection[str]) -> tuple[list[dict[str, Any]], bool]:
    """Return the first failed tasks of the flow runs together, and whether these are all their failed tasks."""
    task_filter = {
        "flow_runs": {"id": {"any_": sorted(flow_run_ids)}},
        "task_runs": {"state": {"type": {"any_": ["FAILED", "CRASHED"]}}},
        # Prefect cannot sort by the end time in ascending order.
        "sort": "EXPECTED_START_TIME_ASC",
        "limit": PAGE_SIZE,
    }
    failed_tasks: list[dict[str, Any]] = []
    page_limit = PageLimit()
    while page_limit.pages < MAX_PAGES:
        body = session.post("/api/task_runs/filter", task_filter | {"offset": len(failed_tasks)})
        page = body if isinstance(body, list) else []
        page_limit.count_page(len(page))
        failed_tasks += [row for row in page if isinstance(row, dict)]
        if len(page) < PAGE_SIZE:
            return failed_tasks, True
    return failed_tasks, False


def _lines_by_flow_run(failed_tasks: list[dict[str, Any]], has_all_tasks: bool) -> dict[str, str]:
    lines: dict[str, list[str]] = {}
    for row in sorted(failed_tasks, key=lambda row: (str(row.get("end_time")), str(row.get("id")))):
        lines.setdefault(str(row.get("flow_run_id")), []).append(_line(row))
    return {flow_run: "\n".join(_first_lines(run_lines, has_all_tasks)) for flow_run, run_lines in lines.items()}


def _line(row: dict[str, Any]) -> str:
    state = row.get("state")
    message = state.get("message") if isinstance(state, dict) else None
    return f"task {row.get('name')}: {message or row.get('state_name')}"


def _first_lines(lines: list[str], has_all_tasks: bool) -> list[str]:
    if len(lines) <= MAX_LISTED_TASKS:
        return lines
    at_least = "" if has_all_tasks else "at least "
    return [*lines[:MAX_LISTED_TASKS], f"and {at_least}{len(lines) - MAX_LISTED_TASKS} more tasks"]
