"""The template context of a run's page: the run, and the runs of its pipeline before and after it."""

from typing import Any

from django.utils import timezone

from chm_project.api.pagination import Keyset
from runs.api.run_rows import LATEST_FIRST
from runs.models import Run
from runs.payload_html import payload_as_html


def run_context(run: Run) -> dict[str, Any]:
    """Return the context of the template console/run.html."""
    return {
        "as_of": timezone.now(),
        "run": run,
        "pipeline": run.pipeline,
        "source_url": source_url_of(run),
        "payload": None if run.payload is None else payload_as_html(run.payload),
        "earlier": next_run(run, LATEST_FIRST),
        "later": next_run(run, LATEST_FIRST.reversed()),
    }


def source_url_of(run: Run) -> str | None:
    """Return the URL of the run's page at its source, or None if unknown."""
    annotated: Any = Run.objects.with_source_url().only("pk").get(pk=run.pk)
    return annotated.source_url  # type: ignore[no-any-return]  # annotated


def next_run(run: Run, order: Keyset) -> Run | None:
    """Return the next run of the same pipeline in this order, or None. The index runs_latest serves the query."""
    # The page does not show the payload of the next run.
    other_runs = order.sort(Run.objects.filter(pipeline=run.pipeline_id).defer("payload"))
    return order.after(other_runs, order.position(run)).first()
