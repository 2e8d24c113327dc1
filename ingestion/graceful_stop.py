"""Detect that this worker is being stopped: a walk then stops at the end of a page.

The worker's main process receives the signal. Its children, which do the work, read it from shared memory, without a
lock: a signal handler that waits for a lock held by its own thread would wait forever.
"""

from ctypes import c_bool
from multiprocessing.sharedctypes import RawValue
from typing import Any

from celery.signals import worker_shutting_down

_requested = RawValue(c_bool, False)


def worker_is_stopping() -> bool:
    return bool(_requested.value)


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    _requested.value = True
