"""Add up the metrics of all processes of a machine, with prometheus_client's multiprocess mode.

Each process writes its values to files in CHM_METRICS_DIR and locks the file PROCESS.alive. The operating system
releases the lock when the process ends. Then the next scrape adds its values to the files named `ended` and deletes its
files, so that no count is lost. If the folder is not writable, /metrics returns only the values of the process that
answers.
"""

import fcntl
import logging
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from django.conf import settings
from prometheus_client import CollectorRegistry, Metric, mmap_dict, multiprocess, values

logger = logging.getLogger(__name__)

# Imported as Any, because prometheus_client has no types for these.
MultiProcessValue: Any = values.MultiProcessValue
MultiProcessCollector: Any = multiprocess.MultiProcessCollector
MmapedDict: Any = mmap_dict.MmapedDict

ENDED_NAME = "ended"
_ALIVE_SUFFIX = ".alive"
# All metrics register here, because prometheus_client's default registry adds metrics such as process memory.
REGISTRY = CollectorRegistry()


@dataclass(slots=True)
class _Process:
    pid: int = 0
    name: str = ""
    # A descriptor, not a file object, because Python warns about a file object that is still open when it exits.
    lock_descriptor: int | None = None


_process = _Process()
_creation_lock = Lock()
_value_class: Callable[..., Any] | None = None


def metrics_folder() -> Path:
    return Path(settings.CHM_METRICS_DIR)


@contextmanager
def _folder_lock() -> Iterator[None]:
    with (metrics_folder() / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def process_name() -> str:
    """Return the name of this process for its files. It is unique, also for forks and in several containers."""
    if _process.pid != os.getpid():
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        # Hold the folder's lock, because a process with this lock deletes .alive files that are not locked.
        with _folder_lock():
            alive_file = metrics_folder() / f"{name}{_ALIVE_SUFFIX}"
            # os.open sets close-on-exec, so that a program that this process starts does not keep the lock.
            lock_descriptor = os.open(alive_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, mode=0o666)
            try:
                fcntl.flock(lock_descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(lock_descriptor)
                raise
        if _process.lock_descriptor is not None:
            os.close(_process.lock_descriptor)  # in a fork: close the copy; the parent keeps its lock
        _process.pid, _process.name, _process.lock_descriptor = os.getpid(), name, lock_descriptor
    return _process.name


def _create_value(*args: Any, **kwargs: Any) -> Any:
    """Create a value of a metric. The first call creates the files, so that commands without metrics create none."""
    global _value_class
    with _creation_lock:
        if _value_class is None:
            try:
                metrics_folder().mkdir(parents=True, exist_ok=True)
                os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_folder())
                _value_class = MultiProcessValue(process_name)
            except OSError as error:
                logger.warning("each process has only its own metrics: %s: %s", metrics_folder(), error.strerror)
                _value_class = values.MutexValue
    return _value_class(*args, **kwargs)


# prometheus_client chooses the class at its import, before Django's settings are read. So replace the class here.
values.ValueClass = _create_value


def collect_all() -> Iterable[Metric]:
    """Return the metrics of all processes, including ended ones."""
    if _value_class is values.MutexValue:
        return list(REGISTRY.collect())
    try:
        metrics_folder().mkdir(parents=True, exist_ok=True)
        with _folder_lock():
            _add_up_ended()
            return list(MultiProcessCollector(None, path=str(metrics_folder())).collect())
    except OSError as error:
        logger.warning("metrics of other processes cannot be read: %s: %s", metrics_folder(), error.strerror)
        return list(REGISTRY.collect())


def forget_ended_gauges() -> None:
    """Remove gauges of ended processes, such as times of connections that no longer exist."""
    with suppress(OSError):
        metrics_folder().mkdir(parents=True, exist_ok=True)
        with _folder_lock():
            _add_up_ended()
            for path in metrics_folder().glob(f"gauge_*_{ENDED_NAME}.db"):
                path.unlink()


def _add_up_ended() -> None:
    """Add the values of ended processes to the files `ended`, and delete their files.

    The caller holds the folder's lock.
    """
    is_alive: dict[str, bool] = {}
    for path in sorted(metrics_folder().glob("*.db")):
        metric_type, _, process = path.stem.rpartition("_")
        if process == ENDED_NAME:
            continue
        if process not in is_alive:
            is_alive[process] = _is_alive(process)
        if not is_alive[process]:
            _add_to_ended(metric_type, path)
            path.unlink()
    for path in metrics_folder().glob(f"*{_ALIVE_SUFFIX}"):
        if not _is_alive(path.name.removesuffix(_ALIVE_SUFFIX)):
            path.unlink()


def _is_alive(process: str) -> bool:
    try:
        with (metrics_folder() / f"{process}{_ALIVE_SUFFIX}").open("rb") as lock:
            # Acquiring the lock succeeds only if the process has ended.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _add_to_ended(metric_type: str, path: Path) -> None:
    # Gauges of the connection pool are only valid while their process runs.
    if metric_type.startswith("gauge_live"):
        return
    ended = MmapedDict(str(metrics_folder() / f"{metric_type}_{ENDED_NAME}.db"))
    try:
        for key, value, timestamp, _ in MmapedDict.read_all_values_from_file(str(path)):
            stored, stored_at = ended.read_value(key)
            if not metric_type.startswith("gauge"):
                ended.write_value(key, stored + value, 0.0)
            # A gauge keeps its most recent value.
            elif timestamp >= stored_at:
                ended.write_value(key, value, timestamp)
    finally:
        ended.close()
