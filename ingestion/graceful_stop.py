"""Detect that Celery is stopping this worker, so that a walk stops at the end of its page.

The worker's main process receives the signal. Its children, which do the work, read it from shared memory, without a
lock: a signal handler that waits for a lock held by its own thread would wait forever.
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
