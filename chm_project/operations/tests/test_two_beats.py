"""Test two real beats of one installation: only one beat schedules. When this beat ends, the other one schedules."""

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
from chm_project.operations.beat import LOCK_KEY, LOCK_SECONDS, RENEW_SECONDS, BeatLock
from tools.support.processes import empty_broker

# Only the tests of the 14th worker process of pytest use this database of Redis too.
REDIS_DATABASE = 14


@pytest.fixture
def broker() -> str:
    return empty_broker(REDIS_DATABASE)


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


def active_pid(client: "redis.Redis") -> int | None:
    """Return the process id of the active beat, or None."""
    value = client.get(LOCK_KEY)
    return int(value.decode().rpartition(":")[2]) if isinstance(value, bytes) else None


def wait_for_active_beat(client: "redis.Redis", previous_pid: int | None, seconds: float) -> tuple[int, float]:
    """Wait until a beat other than `previous_pid` is active. Return its process id, and how many seconds that took."""
    started_at = time.monotonic()
    while time.monotonic() < started_at + seconds:
        pid = active_pid(client)
        if pid is not None and pid != previous_pid:
            return pid, time.monotonic() - started_at
        time.sleep(0.05)
    raise AssertionError(f"after {seconds} s, process {active_pid(client)} is still the active beat")


@pytest.mark.parametrize(("end_signal", "max_wait"), [(signal.SIGTERM, RENEW_SECONDS), (signal.SIGKILL, LOCK_SECONDS)])
def test_a_second_beat_waits_and_takes_over_when_the_first_ends(
    broker: str, tmp_path: Path, end_signal: signal.Signals, max_wait: float
) -> None:
    with (
        redis.Redis.from_url(redis_url(broker)) as client,
        beat(broker, tmp_path / "one") as first_process,
        beat(broker, tmp_path / "two") as second_process,
    ):
        first_pid, _ = wait_for_active_beat(client, None, 60)
        time.sleep(3)
        client.delete("celery")
        started_at = time.monotonic()
        time.sleep(4)
        # One active beat enqueues one task per second. Two active beats would enqueue two tasks per second.
        assert 2 <= int(client.llen("celery")) <= (time.monotonic() - started_at) + 1.5
        assert active_pid(client) == first_pid
        assert {first_process.poll(), second_process.poll()} == {None}, "the waiting beat still runs"

        os.kill(first_pid, end_signal)
        second_pid, seconds = wait_for_active_beat(client, first_pid, max_wait + RENEW_SECONDS + 10)

        assert {first_pid, second_pid} == {first_process.pid, second_process.pid}
        assert seconds < max_wait + RENEW_SECONDS + 3
        client.delete("celery")
        time.sleep(3)
        assert int(client.llen("celery")) >= 1


def test_a_beat_that_lost_its_lock_is_not_active_until_it_acquires_it_again(broker: str) -> None:
    lock = BeatLock(broker)
    with redis.Redis.from_url(redis_url(broker)) as client:
        assert lock.is_active()
        client.set(LOCK_KEY, "elsewhere:1")
        assert not lock.is_active()
        client.delete(LOCK_KEY)
        assert lock.is_active()
        lock.release()
        assert active_pid(client) is None


def test_a_beat_is_not_active_without_a_broker() -> None:
    assert not BeatLock("redis://127.0.0.1:1/0").is_active()
