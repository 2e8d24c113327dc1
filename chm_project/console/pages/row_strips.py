"""Add the strip of last runs to rows of a list."""

from collections.abc import Iterable
from datetime import datetime

from chm_project.console.drawing.strips import strips_by_pipeline
from runs.reporting.run_shapes import Row


def add_strips(rows: Iterable[Row], as_of: datetime | None = None) -> None:
    """Set `strip` in each row that has a pipeline_id. One query reads the runs of all rows."""
    rows = [row for row in rows if "pipeline_id" in row]
    strips = strips_by_pipeline((row["pipeline_id"] for row in rows), as_of)
    for row in rows:
        row["strip"] = strips.get(row["pipeline_id"], "")
