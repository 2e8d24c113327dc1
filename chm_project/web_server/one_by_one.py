"""Let the threads of a web process work on quick requests one after the other, and on slow requests at the same time.

Python runs only one thread of a process at a time. If several threads have work, they interrupt each other whenever one
of them uses a socket. So two quick requests at the same time need more processor time than one after the other
(decision 0024).
"""

import time

from waitress.channel import HTTPChannel
from waitress.task import ThreadedTaskDispatcher

# A request that has run for this time is slow, so the next request does not wait for it any longer.
SLOW_AFTER_SECONDS = 0.01


class OneByOneDispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]  # Waitress has no types
    """A queue of requests with several threads, of which at most one works on a request that is not slow yet."""

    def __init__(self) -> None:
        super().__init__()
        # The time at which each busy thread began its request, by the number of the thread.
        self._began_at: dict[int, float] = {}

    def add_task(self, task: HTTPChannel) -> None:
        with self.lock:
            self.queue.append(task)
        self.wake_thread()

    def wake_thread(self) -> None:
        """Wake a thread if a request waits and all busy threads are slow.

        While requests wait, the event loop calls this method at least every SLOW_AFTER_SECONDS.
        """
        with self.lock:
            if self._may_begin():
                self.queue_cv.notify()

    def handler_thread(self, thread_no: int) -> None:
        while (task := self._next_task(thread_no)) is not None:
            try:
                task.service()
            except BaseException:  # the thread must survive; Waitress does the same
                self.logger.exception("Exception when servicing %r", task)

    def _next_task(self, thread_no: int) -> HTTPChannel | None:
        """Wait until this thread may begin a request, and return it. Return None if the thread must stop."""
        with self.lock:
            self._began_at.pop(thread_no, None)
            while not self.stop_count:
                if self._may_begin():
                    self._began_at[thread_no] = time.monotonic()
                    return self.queue.popleft()
                self.queue_cv.wait()
            self.stop_count -= 1
            self.threads.discard(thread_no)
            self.thread_exit_cv.notify()
            return None

    def _may_begin(self) -> bool:
        slow_if_before = time.monotonic() - SLOW_AFTER_SECONDS
        return bool(self.queue) and all(began_at <= slow_if_before for began_at in self._began_at.values())
