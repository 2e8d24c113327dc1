"""Add up metrics of all processes of a machine, with prometheus_client's multiprocess mode.

Each process writes its own files in CHM_METRICS_DIR and locks a file of the same name. The operating system releases
the lock when the process ends. Values of ended processes are added to the files named `ended`, so that counts stay and
files do not accumulate. If the folder is not writable, each process only has its own values.
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
from typing import IO, Any

from django.conf import settings
from prometheus_client import CollectorRegistry, Metric, mmap_dict, multiprocess, values

logger = logging.getLogger(__name__)

# Imported as Any, because prometheus_client has no types for these.
MultiProcessValue: Any = values.MultiProcessValue
MultiProcessCollector: Any = multiprocess.MultiProcessCollector
MmapedDict: Any = mmap_dict.MmapedDict

ENDED = "ended"
_ALIVE = ".alive"
# All metrics register here, because prometheus_client's default registry adds metrics such as process memory.
REGISTRY = CollectorRegistry()


@dataclass(slots=True)
class _Process:
    pid: int = 0
    name: str = ""
    lock: IO[bytes] | None = None


_process = _Process()
_creation_lock = Lock()
_value_class: Callable[..., Any] | None = None


def folder() -> Path:
    return Path(settings.CHM_METRICS_DIR)


@contextmanager
def _folder_lock() -> Iterator[None]:
    with (folder() / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def process_name() -> str:
    """Return the name of this process in the folder; unique for forks and between containers."""
    if _process.pid != os.getpid():
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        # Another process removes unlocked files of this kind, but only with the folder's lock.
        with _folder_lock():
            lock = (folder() / f"{name}{_ALIVE}").open("ab")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _process.lock is not None:
            _process.lock.close()  # the lock of the parent, which keeps its own descriptor
        _process.pid, _process.name, _process.lock = os.getpid(), name, lock
    return _process.name


def _value(*args: Any, **kwargs: Any) -> Any:
    """Return a new value of a metric. Create the files only now, so that commands without metrics leave none."""
    global _value_class
    with _creation_lock:
        if _value_class is None:
            try:
                folder().mkdir(parents=True, exist_ok=True)
                os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder())
                _value_class = MultiProcessValue(process_name)
            except OSError as error:
                logger.warning("each process has only its own metrics: %s: %s", folder(), error.strerror)
                _value_class = values.MutexValue
    return _value_class(*args, **kwargs)


# prometheus_client chooses the class when it is imported, before the settings are known.
values.ValueClass = _value


def collected() -> Iterable[Metric]:
    """Return the metrics of all processes, including ended ones."""
    if _value_class is values.MutexValue:
        return list(REGISTRY.collect())
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with _folder_lock():
            _add_up_ended()
            return list(MultiProcessCollector(None, path=str(folder())).collect())
    except OSError as error:
        logger.warning("metrics of other processes cannot be read: %s: %s", folder(), error.strerror)
        return list(REGISTRY.collect())


def forget_ended_gauges() -> None:
    """Remove gauges of ended processes, such as times of connections that no longer exist."""
    with suppress(OSError):
        folder().mkdir(parents=True, exist_ok=True)
        with _folder_lock():
            _add_up_ended()
            for path in folder().glob(f"gauge_*_{ENDED}.db"):
                path.unlink()


def _add_up_ended() -> None:
    """Move the values of ended processes into the files `ended`. The caller must hold the folder's lock."""
    is_alive: dict[str, bool] = {}
    for path in sorted(folder().glob("*.db")):
        kind, _, name = path.stem.rpartition("_")
        if name == ENDED:
            continue
        if name not in is_alive:
            is_alive[name] = _is_alive(name)
        if not is_alive[name]:
            _add(kind, path)
            path.unlink()
    for path in folder().glob(f"*{_ALIVE}"):
        if not _is_alive(path.name.removesuffix(_ALIVE)):
            path.unlink()


def _is_alive(name: str) -> bool:
    try:
        with (folder() / f"{name}{_ALIVE}").open("rb") as lock:
            # The lock is free if the process has ended.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _add(kind: str, path: Path) -> None:
    # Gauges of connection pools end with their process.
    if kind.startswith("gauge_live"):
        return
    ended = MmapedDict(str(folder() / f"{kind}_{ENDED}.db"))
    try:
        for key, value, timestamp, _ in MmapedDict.read_all_values_from_file(str(path)):
            stored, stored_at = ended.read_value(key)
            if not kind.startswith("gauge"):
                ended.write_value(key, stored + value, 0.0)
            # A gauge keeps its most recent value.
            elif timestamp >= stored_at:
                ended.write_value(key, value, timestamp)
    finally:
        ended.close()
