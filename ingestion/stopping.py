"""Whether this worker has been asked to end: a walk then stops at the end of a page instead of being waited for.

The worker's main process gets the signal; its children, which do the work, see it in memory that they share. Without a
lock: a signal handler that waits for one that its own thread holds would wait for ever.
"""

from ctypes import c_bool
from multiprocessing.sharedctypes import RawValue
from typing import Any

from celery.signals import worker_shutting_down

_asked = RawValue(c_bool, False)


def stopping() -> bool:
    return bool(_asked.value)


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    _asked.value = True
