"""What an ingestion covers, and when it must stop."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from inventory.models import Pipeline


@dataclass(frozen=True, slots=True)
class IngestionScope:
    """The part of a connection to ingest.

    Walks read the changes since a little before the watermarks. With `since`, they read the changes since that time.
    With `full`, they read all runs. A dry run stores nothing.
    """

    client_id: UUID | None = None
    pipeline_id: UUID | None = None
    since: datetime | None = None
    full: bool = False
    dry_run: bool = False

    @property
    def is_everything(self) -> bool:
        """Return whether the scope includes every pipeline of a connection."""
        return self.client_id is None and self.pipeline_id is None

    def covers(self, pipeline: Pipeline) -> bool:
        return (self.client_id is None or pipeline.client_id == self.client_id) and (
            self.pipeline_id is None or pipeline.id == self.pipeline_id
        )


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class StopCondition:
    """Stops an ingestion at the end of a page if it has run for `seconds`, or if `must_stop()` is true.

    An exception of one of the classes in `interrupts` stops it within a page and is raised to the caller.
    """

    seconds: float | None = None
    must_stop: Callable[[], bool] = _never
    interrupts: tuple[type[Exception], ...] = ()
    started_at_monotonic: float = field(default_factory=time.monotonic)

    def reached(self, share: float = 1) -> bool:
        """Return whether to stop; `share` is the part of `seconds` that the caller may use."""
        time_is_up = self.seconds is not None and time.monotonic() - self.started_at_monotonic >= self.seconds * share
        return time_is_up or self.must_stop()
