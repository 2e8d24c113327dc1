"""Add up the metrics of all processes of a machine, with prometheus_client's multiprocess mode.

Each process writes its values to files in CHM_METRICS_DIR, and locks the file PROCESS.alive. When the process ends, the
operating system releases the lock. Then the next scrape adds the values of this process to the files named `ended`, and
deletes the process's files. So no count is lost.

If CHM cannot write to the folder, /metrics returns only the values of the process that answers.
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

# prometheus_client has no types for these names.
MultiProcessValue: Any = values.MultiProcessValue
MultiProcessCollector: Any = multiprocess.MultiProcessCollector
MmapedDict: Any = mmap_dict.MmapedDict

ENDED_NAME = "ended"
_ALIVE_SUFFIX = ".alive"
# CHM's metrics register here. prometheus_client's default registry would add metrics such as the memory of a process.
REGISTRY = CollectorRegistry()


@dataclass(slots=True)
class _Process:
    pid: int = 0
    name: str = ""
    # This is a file descriptor and not a file object: Python warns about file objects that are open when it exits.
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
    """Return the name of this process in the names of its files. No fork and no other container has the same name."""
    if _process.pid != os.getpid():
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        # Another process that holds the folder's lock deletes .alive files that are not locked. So hold the folder's
        # lock until the new file is locked.
        with _folder_lock():
            alive_file = metrics_folder() / f"{name}{_ALIVE_SUFFIX}"
            # os.open sets close-on-exec. So the programs that this process starts do not hold the lock.
            lock_descriptor = os.open(alive_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, mode=0o666)
            try:
                fcntl.flock(lock_descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(lock_descriptor)
                raise
        if _process.lock_descriptor is not None:
            # This process is a fork. Close its copy of the descriptor: the parent still holds the lock.
            os.close(_process.lock_descriptor)
        _process.pid, _process.name, _process.lock_descriptor = os.getpid(), name, lock_descriptor
    return _process.name


def _create_value(*args: Any, **kwargs: Any) -> Any:
    """Create a value of a metric. The first call creates the files, so a command without metrics creates none."""
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


# prometheus_client has chosen its class at the import, before Django's settings are known. So replace the class here.
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
    """Delete the gauges of ended processes: they can contain times of connections that no longer exist."""
    with suppress(OSError):
        metrics_folder().mkdir(parents=True, exist_ok=True)
        with _folder_lock():
            _add_up_ended()
            for path in metrics_folder().glob(f"gauge_*_{ENDED_NAME}.db"):
                path.unlink()


def _add_up_ended() -> None:
    """Add the values of ended processes to the files named `ended`, and delete the files of these processes.

    The caller must hold the folder's lock.
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
            # flock succeeds only if the process has ended. Otherwise it raises BlockingIOError.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _add_to_ended(metric_type: str, path: Path) -> None:
    # The gauges of a process's connection pool are only valid while the process runs.
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
