"""A cache for values that CHM can compute again. While the cache is down, reads find no value and writes do nothing."""

import logging
from collections.abc import Collection, Mapping
from typing import Any

from django.core.cache import cache

logger = logging.getLogger(__name__)


def read(key: str) -> Any:
    """Return the cached value; None if the key has no value or the cache is down."""
    try:
        return cache.get(key)
    except Exception as error:  # noqa: BLE001 - the cache's client may raise anything; callers also work without a cache
        _log_outage(error)
        return None


def read_many(keys: Collection[str]) -> dict[str, Any]:
    """Return the cached values by key; empty if the cache is down."""
    try:
        return cache.get_many(keys)
    except Exception as error:  # noqa: BLE001 - the same as in read()
        _log_outage(error)
        return {}


def write_many(values: Mapping[str, object], seconds: float) -> None:
    try:
        cache.set_many(dict(values), timeout=seconds)
    except Exception as error:  # noqa: BLE001 - the same as in read()
        _log_outage(error)


def write(key: str, value: object, seconds: float) -> None:
    try:
        cache.set(key, value, timeout=seconds)
    except Exception as error:  # noqa: BLE001 - the same as in read()
        _log_outage(error)


def delete(key: str) -> None:
    try:
        cache.delete(key)
    except Exception as error:  # noqa: BLE001 - the same as in read()
        _log_outage(error)


def _log_outage(error: Exception) -> None:
    logger.warning("the cache is down; values are computed again until it answers (%s)", type(error).__name__)
