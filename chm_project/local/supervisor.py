"""Run the processes of `make demo` and `make serve`: prefixed output, restarts, complete stop."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import IO

# Celery warns about root, which the container or the developer has chosen.
CELERY = (sys.executable, "-W", "ignore::UserWarning:celery.platforms", "-m", "celery", "-A", "chm_project", "--quiet")
STOP_SECONDS = 10
# A child that ends this early three times in a row is not restarted.
YOUNG_SECONDS = 5
MAX_YOUNG_DEATHS = 3

# The kernel ends the children of a killed supervisor (only on Linux).
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    if os.getppid() == 1: sys.exit(1)
os.execvp(sys.argv[1], sys.argv[1:])
"""


@dataclass(slots=True)
class Child:
    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0
    young_deaths: int = 0
    rest: bytes = b""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def output(self) -> IO[bytes]:
        if self.process is None or self.process.stdout is None:
            raise ValueError(f"{self.name} was not started")
        return self.process.stdout


class Supervisor:
    """Starts children in order and stops them in reverse; SIGINT, SIGTERM and SIGHUP end `run`."""

    def __init__(
        self, children: Sequence[Child], *, write: Callable[[str], None], stop_seconds: float = STOP_SECONDS
    ) -> None:
        self._children = list(children)
        self._write = write
        self._stop_seconds = stop_seconds
        self._width = max(len(child.name) for child in children)
        self._selector = selectors.DefaultSelector()
        self._stopping = False

    def run(self, *, when_started: Callable[[], bool] = lambda: True) -> int:
        """Until a signal comes or a child cannot be kept alive; `when_started` is asked about once a second until
        it says that it has done its part. The exit status: 0, or 1 after giving up."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        try:
            for child in self._children:
                self._start(child)
            ready, checked_at = False, 0.0
            while not self._stopping:
                self._pump(0.2)
                if not ready and time.monotonic() - checked_at > 1:
                    ready, checked_at = when_started(), time.monotonic()
                for child in self._children:
                    if not self._alive(child):
                        return 1
            return 0
        finally:
            self._stop_all()

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _start(self, child: Child) -> None:
        child.process = subprocess.Popen(  # noqa: S603 - our own command lines
            [sys.executable, "-c", _DIE_WITH_PARENT, *child.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **child.environment},
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops all in order
        )
        child.started = time.monotonic()
        os.set_blocking(child.output.fileno(), False)
        self._selector.register(child.output, selectors.EVENT_READ, child)

    def _alive(self, child: Child) -> bool:
        """Restarts a dead child; false when that has become pointless."""
        process = child.process
        if process is None or process.poll() is None or self._stopping:
            return True
        self._close(child)
        young = time.monotonic() - child.started < YOUNG_SECONDS
        child.young_deaths = child.young_deaths + 1 if young else 0
        if child.young_deaths >= MAX_YOUNG_DEATHS:
            self._line(child, f"ended with status {process.returncode} again and again; giving up")
            return False
        self._line(child, f"ended with status {process.returncode}; starting it again")
        self._start(child)
        return True

    def _pump(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            child: Child = key.data
            data = child.output.read() or b""
            *lines, child.rest = (child.rest + data).split(b"\n")
            for line in lines:
                self._line(child, line.decode(errors="replace"))
            if not data:
                self._selector.unregister(child.output)

    def _line(self, child: Child, text: str) -> None:
        if text.strip():
            self._write(f"{child.name:<{self._width}} | {text}")

    def _close(self, child: Child) -> None:
        self._pump(0)
        if child.output in [key.fileobj for key in self._selector.get_map().values()]:
            self._selector.unregister(child.output)
        child.output.close()
        child.rest = b""

    def _stop_all(self) -> None:
        running = [child for child in self._children if child.process is not None]
        for child in reversed(running):
            # To the child alone, which ends its own in order: Celery lets the tasks under way finish.
            if child.process and child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + self._stop_seconds
        for child in reversed(running):
            while child.process and child.process.poll() is None and time.monotonic() < deadline:
                self._pump(0.05)
            # Also what the child itself has started and left.
            self._kill_group(child)
            if child.process:
                child.process.wait()

    @staticmethod
    def _kill_group(child: Child) -> None:
        if child.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, signal.SIGKILL)
