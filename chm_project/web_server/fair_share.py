"""Share connections evenly among the web processes.

All processes accept from one socket, and a connection stays in the process that accepted it. A process that is awake
accepts faster than one that sleeps. So one process could get all connections of a few busy clients, and only one
processor would work for them.
"""

import mmap
import time

# If another process has fewer connections, a process waits before it accepts one. If the other process accepts none
# during all these waits, it is stuck. A wait is short, because some clients open a connection for each request.
MAX_WAITS = 20
WAIT_SECONDS = 0.001


class ConnectionCounts:
    """The number of open connections of each process, in memory that the processes share. Create it before the fork."""

    def __init__(self, process_count: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, 4 * process_count)).cast("i")

    def __getitem__(self, process: int) -> int:
        return self._counts[process]

    def __setitem__(self, process: int, count: int) -> None:
        self._counts[process] = count

    def lowest(self) -> int:
        return min(self._counts)


class FairShare:
    """Decides when a process accepts connections. `process` is its number in the counts, from 0."""

    def __init__(self, counts: ConnectionCounts, process: int) -> None:
        self._counts, self._process = counts, process
        self._waits, self._waits_until = 0, 0.0
        # The lowest count when this process began to wait.
        self._lowest_before = 0
        self.set_count(0)  # a former process with this number may have left another count

    def set_count(self, count: int) -> None:
        self._counts[self._process] = count

    @property
    def seconds_to_wait(self) -> float:
        return max(self._waits_until - time.monotonic(), 0)

    def may_accept(self) -> bool:
        """Return whether to accept a connection now. If not, ask again after `seconds_to_wait`."""
        lowest = self._counts.lowest()
        is_lowest = self._counts[self._process] <= lowest
        if is_lowest or lowest != self._lowest_before:
            self._waits, self._lowest_before = 0, lowest
        if is_lowest or self._waits == MAX_WAITS:
            return True
        self._waits += 1
        self._waits_until = time.monotonic() + WAIT_SECONDS
        return False
