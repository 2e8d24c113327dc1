"""Beat (Celery's scheduler) with a heartbeat. If an installation runs several beats, only one is active.

The active beat holds a lock in Redis, and renews it before each pass of the scheduler. When this beat ends, it releases
the lock. If it is killed, the lock expires after 20 s. Then another beat becomes active, and enqueues each overdue task
once.
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
SECONDS_BETWEEN_HEARTBEATS = 1
# /ready reports beat as stopped if its last heartbeat is older than this.
STOPPED_AFTER_SECONDS = 60

LOCK_KEY = "chm:beat:lock"
# The lock expires after LOCK_SECONDS. The active beat renews it every RENEW_SECONDS.
LOCK_SECONDS = 20
RENEW_SECONDS = 5


class BeatLock:
    """The lock that allows only one active beat."""

    def __init__(self, url: str) -> None:
        # Redis stores this value in the lock. So an operator can see which process is active.
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        client = redis.Redis.from_url(redis_url(url), socket_connect_timeout=2, socket_timeout=2)
        self._lock = Lock(client, LOCK_KEY, timeout=LOCK_SECONDS, thread_local=False)
        self._is_active: bool | None = None

    def is_active(self) -> bool:
        """Acquire or renew the lock; return whether this beat is active.

        Return False if Redis does not answer. Then beat cannot enqueue tasks either.
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
    """Celery's scheduler with a heartbeat in the cache. It enqueues tasks only while it holds the lock."""

    _heartbeat_at = -math.inf
    _beat_lock: BeatLock | None = None

    def tick(self, *args: Any, **kwargs: Any) -> float:
        if not self._may_schedule():
            return RENEW_SECONDS
        # In the last milliseconds before a task is due, Celery calls tick() without a pause. So write at most one
        # heartbeat per second.
        if (now := time.monotonic()) - self._heartbeat_at >= SECONDS_BETWEEN_HEARTBEATS:
            self._heartbeat_at = now
            try:
                # The entry does not expire. So /ready can show the age of the last heartbeat after beat has stopped.
                cache.set(_HEARTBEAT_CACHE_KEY, time.time(), timeout=None)
            except Exception:  # noqa: BLE001 - the cache's client may raise anything; scheduling continues
                logger.warning("beat cannot write its heartbeat: the cache is down")
        # Celery would sleep until the next task is due. The lock could expire in this time, so sleep less.
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
