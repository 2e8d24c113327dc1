"""Detect that Celery is stopping this worker, so that a walk stops at the end of its page.

The worker's main process receives the signal. Its child processes, which do the work, read a flag in shared memory. The
flag has no lock: if the interrupted thread held the lock, the signal handler would wait for it forever.
"""

from ctypes import c_bool
from multiprocessing.sharedctypes import RawValue
from typing import Any

from celery.signals import worker_shutting_down

# RawValue has no lock. The children inherit this memory when they are forked, so it must exist at import.
_requested = RawValue(c_bool, False)


def worker_is_stopping() -> bool:
    return bool(_requested.value)


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    _requested.value = True
