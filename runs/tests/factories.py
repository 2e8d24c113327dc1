from datetime import UTC, datetime

import factory

from inventory.tests.factories import PipelineFactory
from runs.models import Run, Status


class RunFactory(factory.django.DjangoModelFactory[Run]):
    """Rows as they are stored, past the one write path: for tests of reading."""

    class Meta:
        model = Run

    pipeline = factory.SubFactory(PipelineFactory)
    external_run_id = factory.Sequence(lambda number: f"run-{number:06}")
    status = Status.SUCCESS
    started_at = datetime(2026, 3, 1, 10, tzinfo=UTC)
    finished_at = datetime(2026, 3, 1, 11, tzinfo=UTC)
