from datetime import UTC, datetime

from chm_project.tests.factories import DjangoModelFactory, related, sequence
from inventory.tests.factories import PipelineFactory
from runs.models import Run, Status


class RunFactory(DjangoModelFactory[Run]):
    """Insert runs without record_runs, for tests of code that only reads runs."""

    class Meta:
        model = Run

    pipeline = related(PipelineFactory)
    external_run_id = sequence(lambda number: f"run-{number:06}")
    status = Status.SUCCESS
    started_at = datetime(2026, 3, 1, 10, tzinfo=UTC)
    finished_at = datetime(2026, 3, 1, 11, tzinfo=UTC)
