"""Save the position of a walk that takes longer than its task, so that the next task continues there."""

import hashlib
import json
import time
from dataclasses import dataclass, field
from datetime import datetime

from chm_project.db import best_effort_cache
from ingestion.connectors.base import Walk
from ingestion.paging import Position

# A walk saves its position at most once per second. A walk that is stopped saves its position at once. If the process
# is killed, the next task repeats only the pages of the last second.
SAVE_EVERY_SECONDS = 1.0
POSITION_CACHE_SECONDS = 7 * 86_400


@dataclass(slots=True)
class Checkpoint:
    """The saved state of one walk.

    `next_watermark` is the time before the walk's first request, which an earlier task may have sent. When the walk is
    complete, this time becomes the watermark. `position` is the page at which to continue, or None for the first page.
    `is_resumed` is true if an earlier task saved this state.
    """

    key: str
    next_watermark: datetime
    position: Position | None = None
    is_resumed: bool = False
    _saved_at: float = field(default_factory=time.monotonic)
    _is_stored: bool = False

    @classmethod
    def load(cls, connection: str, walk: Walk, *, now: datetime) -> "Checkpoint":
        """Return the checkpoint that an earlier task saved for the same pipelines and since time, or a new one."""
        # The key contains the pipelines and the since time, because the same position in a different list would skip
        # runs.
        identity = [
            walk.since.isoformat() if walk.since else None,
            sorted((str(target.pipeline_id), target.external_id) for target in walk.targets),
        ]
        digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
        key = f"walk:{connection}:{digest}"
        match best_effort_cache.read(key):
            case {"through": datetime() as next_watermark, "position": dict() as position}:
                return cls(key, next_watermark, position, is_resumed=True, _is_stored=True)
        return cls(key, now)

    def page_stored(self, position: Position | None) -> None:
        """Set the position after a page was stored. Save it at most once a second."""
        if position is not None:
            self.position = position
        if time.monotonic() - self._saved_at >= SAVE_EVERY_SECONDS:
            self.save()

    def save(self) -> None:
        """Save the position, if a page was already stored."""
        if self.position is not None:
            # The key is "through" and not "next_watermark", so that CHM can read checkpoints of its earlier versions.
            value = {"through": self.next_watermark, "position": dict(self.position)}
            best_effort_cache.write(self.key, value, POSITION_CACHE_SECONDS)
            self._saved_at, self._is_stored = time.monotonic(), True

    def clear(self) -> None:
        """Delete the saved position, because the walk is complete or must start again."""
        if self._is_stored:
            best_effort_cache.delete(self.key)
            self._is_stored = False
