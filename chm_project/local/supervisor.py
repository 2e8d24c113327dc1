"""Run the processes of `make demo`, `make work` and `make serve`: prefix their output, restart them, stop them."""

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

# Hide Celery's warning about running as root, because the container or the developer has chosen root.
CELERY = (sys.executable, "-W", "ignore::UserWarning:celery.platforms", "-m", "celery", "-A", "chm_project", "--quiet")
# The supervisor kills children that still run this long after it has sent them SIGTERM.
STOP_SECONDS = 10
# If a child ends within EARLY_END_SECONDS of its start, MAX_EARLY_ENDS times in a row, the supervisor stops all
# children.
EARLY_END_SECONDS = 5
MAX_EARLY_ENDS = 3

# On Linux, each child asks the kernel to end it together with the supervisor. If the supervisor has already ended, the
# child has another parent and exits by itself. The first argument is the process id of the supervisor.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]): sys.exit(1)
os.execvp(sys.argv[2], sys.argv[2:])
"""


@dataclass(slots=True)
class Child:
    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0
    early_end_count: int = 0
    incomplete_line: bytes = b""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def output(self) -> IO[bytes]:
        if self.process is None or self.process.stdout is None:
            raise ValueError(f"{self.name} was not started")
        return self.process.stdout


class Supervisor:
    """Start child processes in order and stop them in reverse order. SIGINT, SIGTERM and SIGHUP end `run`."""

    def __init__(
        self, children: Sequence[Child], *, write: Callable[[str], None], stop_seconds: float = STOP_SECONDS
    ) -> None:
        self._children = list(children)
        self._write = write
        self._stop_seconds = stop_seconds
        self._name_width = max(len(child.name) for child in children)
        self._selector = selectors.DefaultSelector()
        self._is_stopping = False

    def run(self, *, when_started: Callable[[], bool] = lambda: True) -> int:
        """Run until a signal arrives and return 0. Return 1 if a child ends too often.

        `when_started` is called about once a second until it returns True. For example, it prints the address of CHM
        when the web server answers.
        """
        for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signal_number, self._request_stop)
        try:
            for child in self._children:
                self._start(child)
            is_started, checked_at = False, 0.0
            while not self._is_stopping:
                self._read_output(0.2)
                if not is_started and time.monotonic() - checked_at > 1:
                    is_started, checked_at = when_started(), time.monotonic()
                for child in self._children:
                    if not self._keep_alive(child):
                        return 1
            return 0
        finally:
            self._stop_all()

    def _request_stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._is_stopping = True

    def _start(self, child: Child) -> None:
        child.process = subprocess.Popen(  # noqa: S603 - our own command lines
            [sys.executable, "-c", _DIE_WITH_PARENT, str(os.getpid()), *child.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **child.environment},
            start_new_session=True,  # so that only the supervisor receives Ctrl-C and stops the children in order
        )
        child.started_at = time.monotonic()
        os.set_blocking(child.output.fileno(), False)
        self._selector.register(child.output, selectors.EVENT_READ, child)

    def _keep_alive(self, child: Child) -> bool:
        """Restart the child if it has ended. Return False if it has ended too often."""
        process = child.process
        if process is None or process.poll() is None or self._is_stopping:
            return True
        self._close(child)
        has_ended_early = time.monotonic() - child.started_at < EARLY_END_SECONDS
        child.early_end_count = child.early_end_count + 1 if has_ended_early else 0
        if child.early_end_count >= MAX_EARLY_ENDS:
            self._write_line(child, f"ended with status {process.returncode} too often; giving up")
            return False
        self._write_line(child, f"ended with status {process.returncode}; starting it again")
        self._start(child)
        return True

    def _read_output(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            child: Child = key.data
            data = child.output.read() or b""
            *lines, child.incomplete_line = (child.incomplete_line + data).split(b"\n")
            for line in lines:
                self._write_line(child, line.decode(errors="replace"))
            if not data:
                self._selector.unregister(child.output)

    def _write_line(self, child: Child, text: str) -> None:
        if text.strip():
            self._write(f"{child.name:<{self._name_width}} | {text}")

    def _close(self, child: Child) -> None:
        self._read_output(0)
        if child.output in [key.fileobj for key in self._selector.get_map().values()]:
            self._selector.unregister(child.output)
        child.output.close()
        self._write_line(child, child.incomplete_line.decode(errors="replace"))
        child.incomplete_line = b""

    def _stop_all(self) -> None:
        started_children = [child for child in self._children if child.process is not None]
        for child in reversed(started_children):
            # Signal only the child, which stops its own processes in order: Celery lets running tasks finish.
            if child.process and child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + self._stop_seconds
        for child in reversed(started_children):
            while child.process and child.process.poll() is None and time.monotonic() < deadline:
                self._read_output(0.05)
            # Also kill processes of the child that still run.
            self._kill_group(child)
            if child.process:
                child.process.wait()
                self._close(child)

    @staticmethod
    def _kill_group(child: Child) -> None:
        if child.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, signal.SIGKILL)
