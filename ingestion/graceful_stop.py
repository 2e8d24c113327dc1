"""Detect that Celery is stopping this worker, so that a walk stops at the end of its page.

The worker's main process receives the signal and sets a flag in shared memory. Its child processes, which execute the
tasks, read the flag. The flag has no lock: if the interrupted thread held the lock, the signal handler would wait
forever.
"""

from ctypes import c_bool
from multiprocessing.sharedctypes import RawValue
from typing import Any

from celery.signals import worker_shutting_down

# RawValue has no lock. The children inherit this memory when they are forked, so it must exist at import.
_stop_requested = RawValue(c_bool, False)


def worker_is_stopping() -> bool:
    return bool(_stop_requested.value)


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    _stop_requested.value = True
