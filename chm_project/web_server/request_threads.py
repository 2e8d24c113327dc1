"""Threads that begin requests one after the other, so that no short request waits long.

Only one thread of a process can run Python code at a time. If several threads work on short requests, Python changes
between them at each query, and some of them wait long (decision 0037).
"""

import time
from typing import Any

from waitress.task import ThreadedTaskDispatcher

# If a thread is free, the next request begins at the latest this long after the newest request began. Most requests
# need less time.
HEAD_START_SECONDS = 0.03


class StaggeredThreads(ThreadedTaskDispatcher):  # type: ignore[misc]  # Waitress has no types
    """Threads that work on a queue of requests.

    The newest request is the one that began last. A thread begins the next request when the newest request has ended,
    or when its head start is over. So short requests run one after the other, and a long request delays another request
    by the head start only.

    Waitress calls an item of the queue a task. The item is a channel: a connection with a request.
    """

    def __init__(self) -> None:
        super().__init__()
        self._begun_count = 0
        # The number of the newest request, from 1. None: the newest request has ended.
        self._newest: int | None = None
        self._head_start_ends_at = 0.0
        # Whether a thread sleeps until the head start is over. One such thread is enough. The others sleep until a new
        # request wakes them.
        self._has_timed_sleeper = False

    def add_task(self, task: Any) -> None:
        with self.lock:
            self.queue.append(task)
            if self._newest is None or not self._has_timed_sleeper:
                self.queue_cv.notify()

    def handler_thread(self, thread_no: int) -> None:
        """Work on requests until the server stops this thread."""
        number: int | None = None
        while True:
            with self.lock:
                if number is not None and number == self._newest:
                    self._newest = None
                self._sleep_until_next()
                if self.stop_count:
                    self._end_thread(thread_no)
                    return
                task, number = self._begin_next()
            try:
                task.service()
            except BaseException:  # a thread must not end because of one request
                self.logger.exception("Exception when servicing %r", task)

    def _sleep_until_next(self) -> None:
        """Sleep until a request may begin, or until the server stops a thread."""
        while not self.stop_count and (seconds := self._seconds_to_sleep()) != 0:
            self.active_count -= 1
            if seconds is None or self._has_timed_sleeper:
                self.queue_cv.wait()
            else:
                self._has_timed_sleeper = True
                self.queue_cv.wait(seconds)
                self._has_timed_sleeper = False
            self.active_count += 1

    def _seconds_to_sleep(self) -> float | None:
        """Return the time until the next request may begin; 0: now; None: no request waits."""
        if not self.queue:
            return None
        return 0 if self._newest is None else max(self._head_start_ends_at - time.monotonic(), 0)

    def _begin_next(self) -> tuple[Any, int]:
        """Return the next request of the queue and its number. Wake a thread for the request after it."""
        task = self.queue.popleft()
        self._begun_count += 1
        self._newest = self._begun_count
        self._head_start_ends_at = time.monotonic() + HEAD_START_SECONDS
        if self.queue and not self._has_timed_sleeper:
            self.queue_cv.notify()
        return task, self._begun_count

    def _end_thread(self, thread_no: int) -> None:
        self.active_count -= 1
        self.stop_count -= 1
        self.threads.discard(thread_no)
        self.thread_exit_cv.notify()
