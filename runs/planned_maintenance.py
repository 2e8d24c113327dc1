"""Add planned maintenance, owner and runbook from the maintenance file to rows of reports (decision 0032).

A failure lasts from the first failed run after the last success until the latest failed run. It is in planned
maintenance if maintenance windows of the pipeline cover this time without a gap. A late pipeline is in planned
maintenance if such windows cover the time from the expected start until now.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Case, Value, When

from inventory.maintenance_file import Maintenance, MaintenanceFile, Owner, maintenance_file
from inventory.maintenance_windows import covered_until
from inventory.models import Pipeline
from runs.models import Run

Row = dict[str, Any]
# The shapes whose rows get the columns of MAINTENANCE_COLUMNS.
SHAPES_WITH_MAINTENANCE = ("failing_now", "late_pipelines", "incidents")
# The columns that are added to rows of these shapes, with their descriptions. Each column can be null.
MAINTENANCE_COLUMNS = {
    "maintenance": "Reason of the planned maintenance; null: no planned maintenance",
    "owner": "Owner from the maintenance file; for an incident, the owner of the pipeline that failed last",
    "runbook_url": "URL of the instructions for a failure, from the maintenance file",
}


def add_maintenance_columns(rows: Iterable[Row], *, as_of: datetime) -> None:
    """Set the MAINTENANCE_COLUMNS in rows of SHAPES_WITH_MAINTENANCE, or in other rows with a pipeline_id.

    For any number of rows, execute at most two queries. Without a maintenance file, execute none.
    """
    all_rows = list(rows)
    for row in all_rows:
        row.update(dict.fromkeys(MAINTENANCE_COLUMNS))
    file = maintenance_file()
    if not all_rows or not (file.maintenance or file.owners):
        return
    failed_run_ids = {row["run_id"] for row in all_rows if "failing_since" in row or "incident" in row}
    # Read the pipeline_id of each failed run, because rows of incidents lack it. Read its event_at, because all rows
    # lack it.
    failures = {
        run_id: (pipeline_id, event_at)
        for run_id, pipeline_id, event_at in Run.objects.filter(pk__in=failed_run_ids).values_list(
            "pk", "pipeline_id", "event_at"
        )
    }
    pipelines = {_pipeline_of(row, failures) for row in all_rows} - {None}
    file_entries = entries_by_pipeline(pipelines, file)
    for row in all_rows:
        maintenance, owners = file_entries.get(_pipeline_of(row, failures), ([], []))
        time_to_cover = _time_to_cover(row, failures, as_of)
        row["maintenance"] = reason_if_covered(maintenance, *time_to_cover) if time_to_cover else None
        # Each value comes from the first entry of the file that contains it.
        row["owner"] = next((entry.owner for entry in owners if entry.owner), None)
        row["runbook_url"] = next((entry.runbook_url for entry in owners if entry.runbook_url), None)


def pipelines_in_maintenance(failing: Iterable[Row], *, as_of: datetime) -> set[UUID]:
    """Return the ids of the pipelines in rows of failing_now whose failure is in planned maintenance."""
    if not maintenance_file().maintenance:
        return set()
    rows = [dict(row) for row in failing]
    add_maintenance_columns(rows, as_of=as_of)
    return {row["pipeline_id"] for row in rows if row["maintenance"]}


def _pipeline_of(row: Row, failures: Mapping[Any, tuple[UUID, datetime]]) -> Any:
    if "pipeline_id" in row:
        return row["pipeline_id"]
    return failures[row["run_id"]][0] if row.get("run_id") in failures else None


def _time_to_cover(
    row: Row, failures: Mapping[Any, tuple[UUID, datetime]], as_of: datetime
) -> tuple[datetime, datetime] | None:
    """Return the start and the end of the time that the windows must cover.

    Return None for a row that is neither a failing pipeline, nor an incident, nor a late pipeline.
    """
    if "expected_at" in row:
        return row["expected_at"], as_of
    if "failing_since" in row and row["run_id"] in failures:
        return row["failing_since"], failures[row["run_id"]][1]
    if "incident" in row:
        return row["since"], row["until"]
    return None


def entries_by_pipeline(
    pipelines: Iterable[Any], file: MaintenanceFile
) -> dict[Any, tuple[list[Maintenance], list[Owner]]]:
    """Map each pipeline to the entries [[maintenance]] and [[owners]] that select it, in the order of the file."""
    entries: list[Maintenance | Owner] = [*file.maintenance, *file.owners]
    names = [f"entry_{number}" for number in range(len(entries))]
    # Connections use the same condition in their queries. So a selection matches the same pipelines in the connections
    # file and in the maintenance file.
    selected = {
        name: Case(When(entry.pipelines.condition(), then=True), default=Value(False), output_field=BooleanField())
        for name, entry in zip(names, entries, strict=True)
    }
    rows = Pipeline.objects.filter(pk__in=pipelines).annotate(**selected).values_list("pk", *names)
    by_pipeline: dict[Any, tuple[list[Maintenance], list[Owner]]] = {}
    for pk, *flags in rows:
        matching = [entry for entry, is_selected in zip(entries, flags, strict=True) if is_selected]
        by_pipeline[pk] = (
            [entry for entry in matching if isinstance(entry, Maintenance)],
            [entry for entry in matching if isinstance(entry, Owner)],
        )
    return by_pipeline


def reason_if_covered(maintenance: Iterable[Maintenance], since: datetime, until: datetime) -> str | None:
    """Return the reason of the window that contains `since`.

    Return None if the windows do not cover the whole time from `since` to `until`.
    """
    entries = list(maintenance)
    if covered_until((entry.window for entry in entries), since, until) is None:
        return None
    return next(entry.reason for entry in entries if entry.window.span_at(since))
