"""Caches that store JSON. With Django's pickle, anyone who can write to Redis could run code in CHM."""

import base64
import json
from datetime import datetime
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache as DjangoRedisCache

_BYTES_KEY, _DATETIME_KEY = "base64", "datetime"


class JsonSerializer:
    """Serialize values to JSON.

    Integers are stored without JSON, so that Redis can increment them. Bytes and times are JSON objects with one key.
    """

    def dumps(self, value: Any) -> int | bytes:
        return value if type(value) is int else json.dumps(value, default=_encoded).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data, object_hook=_decoded)


def _encoded(value: object) -> dict[str, str]:
    if isinstance(value, bytes):
        return {_BYTES_KEY: base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return {_DATETIME_KEY: value.isoformat()}
    raise TypeError(f"{type(value).__name__} cannot be stored in the cache")


def _decoded(value: dict[str, Any]) -> Any:
    if value.keys() == {_BYTES_KEY}:
        return base64.b64decode(value[_BYTES_KEY])
    return datetime.fromisoformat(value[_DATETIME_KEY]) if value.keys() == {_DATETIME_KEY} else value


class RedisCache(DjangoRedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        params["OPTIONS"] = {**params.get("OPTIONS", {}), "serializer": JsonSerializer}
        super().__init__(server, params)

    def increment_expiring(self, key: str, increment: int, seconds: int) -> int:
        """Increment a counter that expires after `seconds`, in one round trip; return its new value."""
        full_key = self.make_and_validate_key(key)
        client: Any = self._cache.get_client(full_key, write=True)
        # Needs no transaction: SET NX does nothing if the counter exists.
        pipeline = client.pipeline(transaction=False)
        pipeline.set(full_key, 0, ex=seconds, nx=True)
        pipeline.incrby(full_key, increment)
        return int(pipeline.execute()[1])


class MemoryCache(LocMemCache):
    """A cache in the memory of the process.

    It stores JSON too. So a value that Redis cannot store is also an error in the tests, which use this cache.
    """

    _serializer = JsonSerializer()

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return super().add(key, self._serializer.dumps(value), timeout, version)

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        super().set(key, self._serializer.dumps(value), timeout, version)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        stored = super().get(key, version=version)
        if stored is None:
            return default
        return self._serializer.loads(stored) if isinstance(stored, bytes) else stored
