"""Work on runs that the schedule does."""

from celery import shared_task

from runs.rollup.maintenance import compact


@shared_task(name="runs.compact_rollup")
def compact_rollup() -> None:
    """Merge the parts that writers have appended, so that reports read few rows."""
    compact()
