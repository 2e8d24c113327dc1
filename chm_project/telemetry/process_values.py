"""Values of metrics that all processes of this machine add up to: prometheus_client's multiprocess mode.

Each process writes files of its own in CHM_METRICS_DIR, and holds a lock on a file of the same name while it lives,
which the system releases however the process ends. The files of a process that has ended are added to those named
`ended`, so that its counts stay and files do not pile up. A folder that cannot be written leaves each process with its
own values.
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

# Without types in prometheus_client.
MultiProcessValue: Any = values.MultiProcessValue
MultiProcessCollector: Any = multiprocess.MultiProcessCollector
MmapedDict: Any = mmap_dict.MmapedDict

ENDED = "ended"
_ALIVE = ".alive"
# All metrics register here; prometheus_client's own registry would add those of the process, such as its memory.
OWN = CollectorRegistry()


@dataclass(slots=True)
class _Process:
    pid: int = 0
    name: str = ""
    lock: IO[bytes] | None = None


_process = _Process()
_making = Lock()
_value_class: Callable[..., Any] | None = None


def folder() -> Path:
    return Path(settings.CHM_METRICS_DIR)


@contextmanager
def _folder_lock() -> Iterator[None]:
    with (folder() / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def process_name() -> str:
    """Return this process's name in the folder; a fork gets one of its own. Names differ between containers too."""
    if _process.pid != os.getpid():
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        with _folder_lock():
            lock = (folder() / f"{name}{_ALIVE}").open("ab")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _process.lock is not None:
            _process.lock.close()  # the parent's: its own descriptor keeps it locked
        _process.pid, _process.name, _process.lock = os.getpid(), name, lock
    return _process.name


def _value(*args: Any, **kwargs: Any) -> Any:
    """Create a value with the first use, so that a command that counts nothing leaves no file."""
    global _value_class
    with _making:
        if _value_class is None:
            try:
                folder().mkdir(parents=True, exist_ok=True)
                os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder())
                _value_class = MultiProcessValue(process_name)
            except OSError as error:
                logger.warning("each process has only its own metrics: %s: %s", folder(), error.strerror)
                _value_class = values.MutexValue
    return _value_class(*args, **kwargs)


values.ValueClass = _value


def collected() -> Iterable[Metric]:
    """Return the metrics of all processes, those that have ended included."""
    if _value_class is values.MutexValue:
        return list(OWN.collect())
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with _folder_lock():
            _add_up_ended()
            return list(MultiProcessCollector(None, path=str(folder())).collect())
    except OSError as error:
        logger.warning("metrics of other processes cannot be read: %s: %s", folder(), error.strerror)
        return list(OWN.collect())


def forget_ended_gauges() -> None:
    """Drop what ended processes set, such as the times of connections that a new worker no longer has."""
    with suppress(OSError):
        folder().mkdir(parents=True, exist_ok=True)
        with _folder_lock():
            _add_up_ended()
            for path in folder().glob(f"gauge_*_{ENDED}.db"):
                path.unlink()


def _add_up_ended() -> None:
    """Move the values of ended processes into the files `ended`; the caller holds the folder's lock."""
    living: dict[str, bool] = {}
    for path in sorted(folder().glob("*.db")):
        kind, _, name = path.stem.rpartition("_")
        if name == ENDED:
            continue
        if name not in living:
            living[name] = _lives(name)
        if not living[name]:
            _add(kind, path)
            path.unlink()
    for path in folder().glob(f"*{_ALIVE}"):
        if not _lives(path.name.removesuffix(_ALIVE)):
            path.unlink()


def _lives(name: str) -> bool:
    try:
        with (folder() / f"{name}{_ALIVE}").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _add(kind: str, path: Path) -> None:
    if kind.startswith("gauge_live"):
        return
    ended = MmapedDict(str(folder() / f"{kind}_{ENDED}.db"))
    try:
        for key, value, timestamp, _ in MmapedDict.read_all_values_from_file(str(path)):
            kept, kept_at = ended.read_value(key)
            if not kind.startswith("gauge"):
                ended.write_value(key, kept + value, 0.0)
            elif timestamp >= kept_at:
                ended.write_value(key, value, timestamp)
    finally:
        ended.close()
