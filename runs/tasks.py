"""Scheduled tasks on runs."""

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from runs.retention import PruneSelection, prune
from runs.rollup.maintenance import compact

# A task stops after this time, which is shorter than the time limit of Celery tasks. If runs are left to delete, the
# task starts another task.
_PRUNING_SECONDS = 300


@shared_task(name="runs.compact_rollup")
def compact_rollup() -> None:
    """Merge the parts of the roll-up counts, so that reports read fewer rows."""
    compact()


@shared_task(name="runs.prune")
def prune_runs() -> dict[str, int]:
    """Delete runs older than CHM_PRUNE_OLDER_THAN, if it is set."""
    age = settings.CHM_PRUNE_OLDER_THAN
    if age is None:
        return {"runs": 0, "pipelines": 0}
    pruned = prune(
        PruneSelection(cutoff=timezone.now() - age, keep_failures=settings.CHM_PRUNE_KEEP_FAILURES),
        seconds=_PRUNING_SECONDS,
    )
    if not pruned.is_finished:
        prune_runs.delay()
    return {"runs": pruned.run_count, "pipelines": pruned.pipeline_count}
