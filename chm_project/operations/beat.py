"""Celery's scheduler with a heartbeat; one is active per installation, others wait until it ends.

The beat that holds a lock in the broker's Redis schedules tasks. It renews the lock at each tick and releases it when
it ends; if it is killed, the lock expires. A beat that takes over starts overdue tasks once.
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

_HEARTBEAT_KEY = "beat"
HEARTBEAT_SECONDS = 15
MIN_HEARTBEAT_SECONDS = 1
# Beat counts as dead without a heartbeat for this time.
DEAD_AFTER_SECONDS = 4 * HEARTBEAT_SECONDS

LOCK_KEY = "chm:beat:lock"
# The lock of a killed beat expires after this time; a running beat renews it four times as often.
LEASE_SECONDS = 20
RENEW_SECONDS = 5


class BeatLock:
    """The lock that makes one beat active at a time."""

    def __init__(self, url: str) -> None:
        # The value of the lock in Redis, which shows which process is active.
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        client = redis.Redis.from_url(redis_url(url), socket_connect_timeout=2, socket_timeout=2)
        self._lock = Lock(client, LOCK_KEY, timeout=LEASE_SECONDS, thread_local=False)
        self._is_active: bool | None = None

    def is_active(self) -> bool:
        """Return whether this beat may schedule now; false while Redis is down, because it cannot enqueue."""
        try:
            is_active = self._renewed() or bool(self._lock.acquire(blocking=False, token=self._name))
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
            logger.warning("beat could not release its lock: it expires within %s s", LEASE_SECONDS)

    def _renewed(self) -> bool:
        if self._lock.local.token is None:
            return False
        try:
            return bool(self._lock.reacquire())
        except LockError:  # expired, or held by another beat
            self._lock.local.token = None
            return False


class BeatingScheduler(PersistentScheduler):
    _beat_at = -math.inf
    _beat_lock: BeatLock | None = None

    def tick(self, *args: Any, **kwargs: Any) -> float:
        if not self._may_schedule():
            return RENEW_SECONDS
        # Celery ticks without pause in the last milliseconds before an entry is due.
        if (now := time.monotonic()) - self._beat_at >= MIN_HEARTBEAT_SECONDS:
            self._beat_at = now
            try:
                # Without an expiry, so that the age of the last heartbeat of a dead beat is known.
                cache.set(_HEARTBEAT_KEY, time.time(), timeout=None)
            except Exception:  # noqa: BLE001 - the cache's client may raise anything; scheduling continues
                logger.warning("beat cannot show its heartbeat: the cache is down")
        # Celery may sleep until the next entry, which would let the lock expire.
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
    """Return the seconds since beat's last heartbeat; None without one."""
    moment = cache.get(_HEARTBEAT_KEY)
    return None if moment is None else max(0.0, time.time() - float(moment))
