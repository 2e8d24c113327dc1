"""Share connections evenly among the web processes.

All processes accept connections from one socket. A busy process is awake, so it accepts a new connection faster than an
idle process, which sleeps. Without this module, one process could have all connections, and use only one processor.
"""

import mmap
import time

# A process waits before it accepts a connection if another process has fewer connections. After 20 waits of 1 ms, it
# accepts the connection, because the other process seems to be stuck.
MAX_WAITS = 20
WAIT_SECONDS = 0.001


class ConnectionCounts:
    """The number of open connections of each process. The processes share this memory, so create it before the fork."""

    def __init__(self, process_count: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, 4 * process_count)).cast("i")

    def __getitem__(self, process: int) -> int:
        return self._counts[process]

    def __setitem__(self, process: int, count: int) -> None:
        self._counts[process] = count

    def lowest(self) -> int:
        return min(self._counts)


class FairShare:
    """Decide when a process accepts a connection. `process` is the number of the process in the counts, from 0."""

    def __init__(self, counts: ConnectionCounts, process: int) -> None:
        self._counts, self._process = counts, process
        self._waits, self._waits_until = 0, 0.0
        # The lowest count when this process began to wait.
        self._lowest_count_at_first_wait = 0
        self.set_count(0)  # the process that had this number before may have ended with another count

    def set_count(self, count: int) -> None:
        self._counts[self._process] = count

    @property
    def seconds_to_wait(self) -> float:
        return max(self._waits_until - time.monotonic(), 0)

    def may_accept(self) -> bool:
        """Return whether this process should accept a connection now. If not, call again after `seconds_to_wait`."""
        lowest = self._counts.lowest()
        is_lowest = self._counts[self._process] <= lowest
        if is_lowest or lowest != self._lowest_count_at_first_wait:
            self._waits, self._lowest_count_at_first_wait = 0, lowest
        if is_lowest or self._waits == MAX_WAITS:
            return True
        self._waits += 1
        self._waits_until = time.monotonic() + WAIT_SECONDS
        return False
