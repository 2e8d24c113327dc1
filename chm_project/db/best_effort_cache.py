"""A cache for values that can be computed again. While it is down, reads return nothing and writes do nothing."""

import logging
from collections.abc import Collection, Mapping
from typing import Any

from django.core.cache import cache

logger = logging.getLogger(__name__)


def read(key: str) -> Any:
    """Return the value, or None if there is none or the cache is down."""
    try:
        return cache.get(key)
    except Exception as error:  # noqa: BLE001 - the cache's client may raise anything; the caller works without a cache
        _log(error)
        return None


def read_many(keys: Collection[str]) -> dict[str, Any]:
    """Return the cached values by key; empty if the cache is down."""
    try:
        return cache.get_many(keys)
    except Exception as error:  # noqa: BLE001 - as above
        _log(error)
        return {}


def write_many(values: Mapping[str, object], seconds: float) -> None:
    try:
        cache.set_many(dict(values), timeout=seconds)
    except Exception as error:  # noqa: BLE001 - as above
        _log(error)


def write(key: str, value: object, seconds: float) -> None:
    try:
        cache.set(key, value, timeout=seconds)
    except Exception as error:  # noqa: BLE001 - as above
        _log(error)


def delete(key: str) -> None:
    try:
        cache.delete(key)
    except Exception as error:  # noqa: BLE001 - as above
        _log(error)


def _log(error: Exception) -> None:
    logger.warning("the cache is down; work is repeated until it answers (%s)", type(error).__name__)
