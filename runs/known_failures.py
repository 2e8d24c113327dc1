"""Mark failures as known, and remove marks. Reports compute whether a mark is still valid (decision 0029)."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from chm_project.scrubbing import scrub_text
from inventory.models import Pipeline
from runs.reporting.run_shapes import page_of_shape

_NO_MARK = dict.fromkeys(
    ("known_reason", "known_ticket_url", "known_until", "known_run_id", "known_fingerprint", "known_since")
)


class NotFailing(Exception):
    """The pipeline is not failing, so there is nothing to mark."""


@transaction.atomic
def mark_known_failure(
    *, pipeline: Pipeline, reason: str, ticket_url: str | None = None, until: datetime | None = None
) -> None:
    """Mark the current failure of the pipeline as known. Replace an existing mark.

    Raise NotFailing if the pipeline is not failing.
    """
    now = timezone.now()
    # The shape failing_now decides whether the pipeline is failing. The mark needs run_id and incident of
    # the pipeline's row.
    rows, _ = page_of_shape(
        "failing_now", page_size=1, where=f"pipeline_id = '{pipeline.pk}'", now=now, client_id=pipeline.client_id
    )
    if not rows:
        raise NotFailing
    mark = {
        "known_reason": scrub_text(reason),
        "known_ticket_url": ticket_url or None,
        "known_until": until,
        "known_run_id": rows[0]["run_id"],
        "known_fingerprint": rows[0]["incident"],
        "known_since": now,
    }
    Pipeline.objects.filter(pk=pipeline.pk).update(**mark)


def clear_known_failure(*, pipeline: Pipeline) -> bool:
    """Remove the mark, even if it is no longer valid; return whether there was a mark."""
    marked = Pipeline.objects.filter(pk=pipeline.pk, known_reason__isnull=False)
    return bool(marked.update(**_NO_MARK))
