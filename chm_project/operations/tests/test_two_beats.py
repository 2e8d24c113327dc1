"""Two beats of one installation, as real processes: one schedules, and the other takes over when it ends."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from django.conf import settings

from chm_project.local.embedded import redis_url
from chm_project.local.supervisor import CELERY
from chm_project.operations.beat import LEASE_SECONDS, LOCK_KEY, RENEW_SECONDS, BeatLock
from tools.support.processes import empty_broker

# Number of a Redis database that parallel tests do not use.
DATABASE = 14


@pytest.fixture
def broker() -> str:
    return empty_broker(DATABASE)


@contextmanager
def beat(broker: str, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    folder.mkdir()
    environment = {
        **os.environ, "CHM_BROKER_URL": broker, "CHM_INGEST_INTERVAL_SECONDS": "1",
        "CHM_PARTNER_API_BASE_URL": "http://127.0.0.1:9", "CHM_PARTNER_API_TOKEN": "x",
        "DJANGO_SETTINGS_MODULE": "chm_project.settings.development",
    }  # fmt: skip
    command = [*CELERY, "beat", "--loglevel", "WARNING", "--schedule", str(folder / "beat"), "--pidfile="]
    with subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def holder(client: "redis.Redis") -> int | None:
    """Return the process that schedules, or None."""
    value = client.get(LOCK_KEY)
    return int(value.decode().rpartition(":")[2]) if isinstance(value, bytes) else None


def wait_for_another(client: "redis.Redis", former: int | None, seconds: float) -> tuple[int, float]:
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        pid = holder(client)
        if pid is not None and pid != former:
            return pid, time.monotonic() - begun
        time.sleep(0.05)
    raise AssertionError(f"after {seconds} s {holder(client)} schedules")


@pytest.mark.parametrize(("ending", "max_wait"), [(signal.SIGTERM, RENEW_SECONDS), (signal.SIGKILL, LEASE_SECONDS)])
def test_a_second_beat_waits_and_takes_over_when_the_first_ends(
    broker: str, tmp_path: Path, ending: signal.Signals, max_wait: float
) -> None:
    with (
        redis.Redis.from_url(redis_url(broker)) as client,
        beat(broker, tmp_path / "one") as one,
        beat(broker, tmp_path / "two") as two,
    ):
        first, _ = wait_for_another(client, None, 60)
        time.sleep(3)
        client.delete("celery")
        begun = time.monotonic()
        time.sleep(4)
        # One task a second: two beats at work would enqueue twice as many.
        assert 2 <= int(client.llen("celery")) <= (time.monotonic() - begun) + 1.5
        assert holder(client) == first
        assert {one.poll(), two.poll()} == {None}, "the waiting beat still runs"

        os.kill(first, ending)
        second, seconds = wait_for_another(client, first, max_wait + RENEW_SECONDS + 10)

        assert {first, second} == {one.pid, two.pid}
        assert seconds < max_wait + RENEW_SECONDS + 3
        client.delete("celery")
        time.sleep(3)
        assert int(client.llen("celery")) >= 1


def test_a_lost_lock_is_noticed_and_can_be_acquired_again(broker: str) -> None:
    lock = BeatLock(broker)
    with redis.Redis.from_url(redis_url(broker)) as client:
        assert lock.is_active()
        client.set(LOCK_KEY, "elsewhere:1")
        assert not lock.is_active()
        client.delete(LOCK_KEY)
        assert lock.is_active()
        lock.release()
        assert holder(client) is None


def test_without_a_broker_nothing_is_scheduled() -> None:
    assert not BeatLock("redis://127.0.0.1:1/0").is_active()
