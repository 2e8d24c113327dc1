"""Add the strip of last runs to rows of a list."""

from collections.abc import Iterable
from datetime import datetime

from chm_project.console.drawing.strips import strips_of
from runs.reporting.run_shapes import Row


def add_strips(rows: Iterable[Row], as_of: datetime | None = None) -> None:
    """Put `strip` into every row with a pipeline_id, with one query."""
    rows = [row for row in rows if "pipeline_id" in row]
    strips = strips_of((row["pipeline_id"] for row in rows), as_of)
    for row in rows:
        row["strip"] = strips.get(row["pipeline_id"], "")
