"""The scope of an ingestion, and when it must stop."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from inventory.models import Pipeline


@dataclass(frozen=True, slots=True)
class IngestionScope:
    """The part of a connection to ingest, and its start: by default the watermarks."""

    client_id: UUID | None = None
    pipeline_id: UUID | None = None
    since: datetime | None = None
    full: bool = False
    dry_run: bool = False

    @property
    def is_everything(self) -> bool:
        """Return whether the scope is every pipeline of a connection."""
        return self.client_id is None and self.pipeline_id is None

    def covers(self, pipeline: Pipeline) -> bool:
        return (self.client_id is None or pipeline.client_id == self.client_id) and (
            self.pipeline_id is None or pipeline.id == self.pipeline_id
        )


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class StopCondition:
    """When an ingestion has to stop at the end of a page: its time is up, or its worker has to end.

    `interrupts` are exceptions that stop it within a page and are raised to the caller.
    """

    seconds: float | None = None
    is_stopping: Callable[[], bool] = _never
    interrupts: tuple[type[Exception], ...] = ()
    begun: float = field(default_factory=time.monotonic)

    def reached(self, share: float = 1) -> bool:
        """Return whether this share of the time has passed."""
        late = self.seconds is not None and time.monotonic() - self.begun >= self.seconds * share
        return late or self.is_stopping()
