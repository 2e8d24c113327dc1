"""The context of a run's page: the run, and the runs of its pipeline before and after it."""

from typing import Any

from django.utils import timezone

from chm_project.api.pagination import Keyset
from runs.api.rows import LATEST_FIRST
from runs.models import Run
from runs.payload_html import highlighted


def read_run(run: Run) -> dict[str, Any]:
    """Return the context of the template console/run.html."""
    return {
        "as_of": timezone.now(),
        "run": run,
        "pipeline": run.pipeline,
        "source_url": address_at_source(run),
        "payload": None if run.payload is None else highlighted(run.payload),
        "earlier": neighbour(run, LATEST_FIRST),
        "later": neighbour(run, LATEST_FIRST.reversed()),
    }


def address_at_source(run: Run) -> str | None:
    """Return the address of the run's page at its source, or None if unknown."""
    annotated: Any = Run.objects.with_source_url().only("pk").get(pk=run.pk)
    return annotated.source_url  # type: ignore[no-any-return]  # annotated


def neighbour(run: Run, order: Keyset) -> Run | None:
    """Return the pipeline's next run in this order, or None, by one probe of the index runs_latest."""
    # The page shows the payload of its own run only.
    others = order.sort(Run.objects.filter(pipeline=run.pipeline_id).defer("payload"))
    return order.after(others, order.position(run)).first()
