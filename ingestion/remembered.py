"""What ingestion remembers from task to task, in the cache. Losing it costs work done twice, never a run."""

import logging
from typing import Any

from django.core.cache import cache

logger = logging.getLogger(__name__)


def recall(key: str) -> Any:
    """None where nothing is remembered, or the cache is down."""
    try:
        return cache.get(key)
    except Exception as error:  # noqa: BLE001 - whatever the cache's client raises: ingestion goes on
        _down(error)
        return None


def remember(key: str, value: object, seconds: float) -> None:
    try:
        cache.set(key, value, timeout=seconds)
    except Exception as error:  # noqa: BLE001 - as above
        _down(error)


def forget(key: str) -> None:
    try:
        cache.delete(key)
    except Exception as error:  # noqa: BLE001 - as above
        _down(error)


def _down(error: Exception) -> None:
    logger.warning("the cache is down: ingestion remembers nothing (%s)", type(error).__name__)
