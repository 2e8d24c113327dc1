"""Celery's scheduler (beat) with a heartbeat. Only one beat of an installation is active; the others wait.

The active beat holds a lock in Redis. It renews the lock at each tick and releases it when it ends; the lock of a
killed beat expires. The beat that becomes active next starts each overdue task once.
"""

import logging
import math
import os
import socket
import time
from typing import Any

import redis
from celery.beat import PersistentScheduler
from django.conf import settings
from django.core.cache import cache
from redis.exceptions import LockError
from redis.lock import Lock

from chm_project.local.embedded import redis_url

logger = logging.getLogger(__name__)

_HEARTBEAT_CACHE_KEY = "beat"
HEARTBEAT_SECONDS = 15
MIN_HEARTBEAT_SECONDS = 1
# After this time without a heartbeat, beat counts as stopped.
STOPPED_AFTER_SECONDS = 4 * HEARTBEAT_SECONDS

LOCK_KEY = "chm:beat:lock"
# The lock expires after this time. The active beat renews it every RENEW_SECONDS.
LOCK_SECONDS = 20
RENEW_SECONDS = 5


class BeatLock:
    """The lock that allows only one active beat."""

    def __init__(self, url: str) -> None:
        # The value of the lock in Redis, so that an operator can see which process is active.
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        client = redis.Redis.from_url(redis_url(url), socket_connect_timeout=2, socket_timeout=2)
        self._lock = Lock(client, LOCK_KEY, timeout=LOCK_SECONDS, thread_local=False)
        self._is_active: bool | None = None

    def is_active(self) -> bool:
        """Acquire or renew the lock; return whether this beat is active.

        Return False while Redis does not answer, because then beat cannot enqueue tasks anyway.
        """
        try:
            is_active = self._renew() or bool(self._lock.acquire(blocking=False, token=self._name))
        except redis.RedisError:
            logger.warning("beat cannot reach the broker: nothing is scheduled")
            return False
        if is_active != self._is_active:
            logger.warning("this beat schedules" if is_active else "another beat schedules; this one waits")
        self._is_active = is_active
        return is_active

    def release(self) -> None:
        try:
            if self._lock.local.token is not None:
                self._lock.release()
        except (redis.RedisError, LockError):
            logger.warning("beat could not release its lock: it expires within %s s", LOCK_SECONDS)

    def _renew(self) -> bool:
        if self._lock.local.token is None:
            return False
        try:
            return bool(self._lock.reacquire())
        except LockError:  # expired, or held by another beat
            self._lock.local.token = None
            return False


class BeatingScheduler(PersistentScheduler):
    """A scheduler that writes a heartbeat to the cache, and schedules only while it holds the lock."""

    _heartbeat_at = -math.inf
    _beat_lock: BeatLock | None = None

    def tick(self, *args: Any, **kwargs: Any) -> float:
        if not self._may_schedule():
            return RENEW_SECONDS
        # In the last milliseconds before an entry is due, Celery ticks without a pause, so limit the writes.
        if (now := time.monotonic()) - self._heartbeat_at >= MIN_HEARTBEAT_SECONDS:
            self._heartbeat_at = now
            try:
                # The entry does not expire, so that the age of the last heartbeat is known after beat stops.
                cache.set(_HEARTBEAT_CACHE_KEY, time.time(), timeout=None)
            except Exception:  # noqa: BLE001 - the cache's client may raise anything; scheduling continues
                logger.warning("beat cannot write its heartbeat: the cache is down")
        # Celery can sleep until the next entry is due. That can be longer than the lock is valid.
        return min(float(super().tick(*args, **kwargs)), RENEW_SECONDS)

    def close(self) -> None:
        if self._beat_lock is not None:
            self._beat_lock.release()
        super().close()

    def _may_schedule(self) -> bool:
        if not settings.CELERY_BROKER_URL:
            return True
        if self._beat_lock is None:
            self._beat_lock = BeatLock(settings.CELERY_BROKER_URL)
        return self._beat_lock.is_active()


def heartbeat_age() -> float | None:
    """Return the seconds since beat's last heartbeat; None if there was no heartbeat."""
    heartbeat_at = cache.get(_HEARTBEAT_CACHE_KEY)
    return None if heartbeat_at is None else max(0.0, time.time() - float(heartbeat_at))
