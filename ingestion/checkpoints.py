"""Save the position of a walk that is longer than its task, so that the next task continues there."""

import hashlib
import json
import time
from dataclasses import dataclass, field
from datetime import datetime

from chm_project.db import best_effort_cache
from ingestion.connectors.base import Walk
from ingestion.paging import Position

# Shorter walks do not write to the cache, and a killed walk repeats at most this much.
SAVE_EVERY_SECONDS = 1.0
KEPT_SECONDS = 7 * 86_400


@dataclass(slots=True)
class Checkpoint:
    """`through` is the moment before the walk's very first request, in whichever task that was: what its watermark
    becomes. `resumed` says whether an earlier task left a position."""

    key: str
    through: datetime
    position: Position | None = None
    resumed: bool = False
    _saved_at: float = field(default_factory=time.monotonic)
    _stored: bool = False

    @classmethod
    def of(cls, connection: str, walk: Walk, *, now: datetime) -> "Checkpoint":
        """Return the checkpoint of this walk; it depends on the pipelines and the start."""
        what = [
            walk.since.isoformat() if walk.since else None,
            sorted((str(target.pipeline_id), target.external_id) for target in walk.targets),
        ]
        digest = hashlib.sha256(json.dumps(what).encode()).hexdigest()
        key = f"walk:{connection}:{digest}"
        match best_effort_cache.read(key):
            case {"through": datetime() as through, "position": dict() as position}:
                return cls(key, through, position, resumed=True, _stored=True)
        return cls(key, now)

    def reached(self, position: Position | None) -> None:
        """Note that the page at this position is stored."""
        if position is not None:
            self.position = position
        if time.monotonic() - self._saved_at >= SAVE_EVERY_SECONDS:
            self.save()

    def save(self) -> None:
        if self.position is not None:
            value = {"through": self.through, "position": dict(self.position)}
            best_effort_cache.write(self.key, value, KEPT_SECONDS)
            self._saved_at, self._stored = time.monotonic(), True

    def clear(self) -> None:
        if self._stored:
            best_effort_cache.delete(self.key)
            self._stored = False
