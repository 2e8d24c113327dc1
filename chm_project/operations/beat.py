"""Celery's scheduler with a pulse: beat is one process, and nothing else would notice its end."""

import logging
import math
import time
from typing import Any

from celery.beat import PersistentScheduler
from django.core.cache import cache

logger = logging.getLogger(__name__)

_KEY = "beat"
PULSE_SECONDS = 15
MIN_PULSE_SECONDS = 1
# Without a pulse for so long, beat is taken for dead.
DEAD_AFTER_SECONDS = 4 * PULSE_SECONDS


class BeatingScheduler(PersistentScheduler):
    _beat_at = -math.inf

    def tick(self, *args: Any, **kwargs: Any) -> float:
        # Celery ticks without a pause in the last milliseconds before an entry is due.
        if (now := time.monotonic()) - self._beat_at >= MIN_PULSE_SECONDS:
            self._beat_at = now
            try:
                cache.set(_KEY, time.time(), timeout=None)
            except Exception:  # noqa: BLE001 - whatever the cache's client raises: scheduling goes on
                logger.warning("beat cannot show its pulse: the cache is down")
        return min(float(super().tick(*args, **kwargs)), PULSE_SECONDS)


def pulse_age() -> float | None:
    """Seconds since beat's last pulse; None when there was none."""
    moment = cache.get(_KEY)
    return None if moment is None else max(0.0, time.time() - float(moment))
