"""The parent of the web processes. It forks children, and replaces children that end.

The parent loads the application once, so a new child can answer within milliseconds. Until it does, other children
accept connections, or connections wait in the socket's queue.

SIGHUP reloads the application without downtime. First a separate process tests whether the application loads. Then the
parent replaces itself (exec), keeps its process id and the socket, forks new children, and stops the old ones.
"""

import ctypes
import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from chm_project.web_server import listening_socket
from chm_project.web_server.fair_share import ConnectionCounts, FairShare
from chm_project.web_server.server import LINGER_SECONDS, STOP_SECONDS, Capacity, WebServer

logger = logging.getLogger(__name__)

# Python's garbage collector runs after this number of new objects. With Python's lower default, the collector would run
# many times for a page of 1,000 runs.
GC_THRESHOLD_OBJECTS = 20_000
# If a child ends within this time, the parent waits this long before it starts another child, which may fail too.
EARLY_END_SECONDS = 0.5
# After the exec, the new parent reads the process ids of the running children from this environment variable.
FORMER_CHILDREN_VARIABLE = "CHM_WEB_FORMER_CHILDREN"
# The signals that the parent handles. A child that gets SIGTERM still answers one request on each open connection. A
# child that gets SIGINT answers only the requests that it has received.
_SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class ParentProcess:
    """The parent of the web processes.

    load_application: a function that returns the WSGI application.
    lingers: whether a stopping server still answers one request on each open connection, because a proxy may send one.
    is_held_by_systemd: whether systemd also holds the socket open. Then new connections wait in the socket until the
        next server starts.
    """

    def __init__(
        self,
        load_application: Callable[[], Any],
        listening: socket.socket,
        *,
        process_count: int,
        capacity: Capacity,
        lingers: bool,
        is_held_by_systemd: bool,
    ) -> None:
        self._load_application = load_application
        self._listening = listening
        self._process_count = process_count
        self._capacity = capacity
        self._lingers = lingers
        self._is_held_by_systemd = is_held_by_systemd
        # The keys of both dicts are the process ids of the children. The number of a child is its position in the
        # counts of connections.
        self._start_time_by_pid: dict[int, float] = {}
        self._number_by_pid: dict[int, int] = {}
        self._connection_counts = ConnectionCounts(process_count)
        self._former_child_pids = {int(pid) for pid in os.environ.pop(FORMER_CHILDREN_VARIABLE, "").split()}
        self._load_test: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        # sigwait() below receives these signals only if they are blocked. Children unblock them.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        application = self._load_application()
        gc.collect()
        gc.freeze()  # the garbage collector does not write to frozen objects, so children share their memory
        gc.set_threshold(GC_THRESHOLD_OBJECTS)
        # Listen only after the application has loaded. Until then, a new socket refuses connections, so a proxy uses
        # another server.
        self._listening.listen(listening_socket.BACKLOG)
        for _ in range(self._process_count):
            self._fork(application)
        self._send_signal(self._former_child_pids, signal.SIGTERM)
        while (received_signal := signal.sigwait(_SIGNALS)) not in (signal.SIGTERM, signal.SIGINT):
            if received_signal == signal.SIGHUP:
                self._start_load_test()
            for status, age_seconds in self._collect_ended():
                logger.error("a web process ended with status %s; starting another", status)
                # If somebody killed the child with SIGKILL, the next child will not fail, so do not wait.
                if age_seconds < EARLY_END_SECONDS and status != -signal.SIGKILL:
                    time.sleep(EARLY_END_SECONDS)
                self._fork(application)
            self._exec_if_loadable()
        self._stop(received_signal)

    def _fork(self, application: Any) -> None:
        parent_id = os.getpid()
        number = min(set(range(self._process_count)) - set(self._number_by_pid.values()))
        if (child_pid := os.fork()) == 0:
            status = 1
            try:
                self._serve(application, parent_id, number)
                status = 0
            except BaseException:  # also SystemExit: a child must never continue in the code of its parent
                logger.exception("a web process failed")
            finally:
                logging.shutdown()
                os._exit(status)
        self._start_time_by_pid[child_pid] = time.monotonic()
        self._number_by_pid[child_pid] = number

    def _serve(self, application: Any, parent_id: int, number: int) -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: children end with the parent
            # If the parent ended before the call of prctl, this child gets no signal. So end now.
            if os.getppid() != parent_id:
                return
        fair_share = FairShare(self._connection_counts, number)
        server = WebServer(application, self._listening, self._capacity, fair_share)
        signal.signal(signal.SIGTERM, lambda *_: server.stop(linger=True))
        signal.signal(signal.SIGINT, lambda *_: server.stop(linger=False))
        for signal_number in (signal.SIGCHLD, signal.SIGHUP):
            signal.signal(signal_number, signal.SIG_DFL if signal_number == signal.SIGCHLD else signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        server.run()

    def _collect_ended(self) -> list[tuple[int, float]]:
        """Return the exit status and the age in seconds of each ended child.

        Omit the children from before the exec, because they are not replaced.
        """
        self._former_child_pids -= {pid for pid in self._former_child_pids if os.waitpid(pid, os.WNOHANG)[0]}
        ended = []
        for child_pid in list(self._start_time_by_pid):
            pid, status = os.waitpid(child_pid, os.WNOHANG)
            if pid:
                del self._number_by_pid[child_pid]
                ended.append(
                    (os.waitstatus_to_exitcode(status), time.monotonic() - self._start_time_by_pid.pop(child_pid))
                )
        return ended

    # Reload after SIGHUP

    def _start_load_test(self) -> None:
        """Start a process that tests whether the new application loads. Do nothing if such a process is running."""
        if self._load_test is None:
            # Unlike sys.argv, sys.orig_argv also contains `-m` and the options of the interpreter.
            self._load_test = subprocess.Popen([sys.executable, *sys.orig_argv[1:], "--check"])  # noqa: S603 - our own

    def _exec_if_loadable(self) -> None:
        """Replace this process (exec) if the load test has succeeded. If it has failed, log an error."""
        if self._load_test is None or self._load_test.poll() is None:
            return
        status, self._load_test = self._load_test.returncode, None
        if status:
            logger.error("the new application cannot be loaded (status %s); the running one stays", status)
            return
        former_child_variable = {
            FORMER_CHILDREN_VARIABLE: " ".join(str(pid) for pid in {*self._start_time_by_pid, *self._former_child_pids})
        }
        environment = (
            os.environ
            | listening_socket.prepare_for_exec(self._listening, is_held_by_systemd=self._is_held_by_systemd)
            | former_child_variable
        )
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606 - our own

    # Stop

    def _stop(self, received_signal: int) -> None:
        if not self._is_held_by_systemd:
            listening_socket.drop_new_connections(self._listening)
        children = {*self._start_time_by_pid, *self._former_child_pids}
        self._send_signal(
            children, signal.SIGTERM if self._lingers and received_signal == signal.SIGTERM else signal.SIGINT
        )
        self._listening.close()
        deadline = time.monotonic() + STOP_SECONDS + LINGER_SECONDS
        while (self._start_time_by_pid or self._former_child_pids) and time.monotonic() < deadline:
            self._collect_ended()
            time.sleep(0.02)
        self._send_signal({*self._start_time_by_pid, *self._former_child_pids}, signal.SIGKILL)

    @staticmethod
    def _send_signal(children: set[int], signal_number: int) -> None:
        for child_pid in children:
            os.kill(child_pid, signal_number)
