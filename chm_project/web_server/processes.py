"""The parent of the web processes. It opens the listening socket, forks children, and replaces children that end.

The parent loads the application once, so a new child can answer within milliseconds. Until then, connections wait in
the socket's queue, or other children accept them.

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
from chm_project.web_server.server import LINGER_SECONDS, STOP_SECONDS, ThreadCounts, WebServer

logger = logging.getLogger(__name__)

# The garbage collector looks for cycles after this number of new objects. A page of 1,000 runs creates 20,000. With
# Python's default of 700, this took a tenth of the time for a page.
YOUNG_OBJECTS = 20_000
# If a child ends sooner than this, its replacement starts after a pause, because it can fail in the same way.
EARLY_END_SECONDS = 0.5
# The environment variable that passes the process ids of running children to the process after the exec.
FORMER_CHILDREN_VARIABLE = "CHM_WEB_FORMER_CHILDREN"
# The signals that the parent handles. A child that gets SIGTERM still answers one request on each open connection; with
# SIGINT it closes them.
_SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class ParentProcess:
    """The parent of the web processes.

    load_application: returns the WSGI application.
    linger: a stopping server waits for a last request on open connections, because a proxy may send one.
    is_managed: a service manager keeps the socket open, so new connections wait in it.
    """

    def __init__(
        self,
        load_application: Callable[[], Any],
        listening: socket.socket,
        *,
        process_count: int,
        thread_counts: ThreadCounts,
        linger: bool,
        is_managed: bool,
    ) -> None:
        self._load_application = load_application
        self._listening = listening
        self._process_count = process_count
        self._thread_counts = thread_counts
        self._linger = linger
        self._is_managed = is_managed
        # The start time of each child, and its number in the counts of connections, by process id.
        self._start_times: dict[int, float] = {}
        self._numbers: dict[int, int] = {}
        self._connection_counts = ConnectionCounts(process_count)
        self._former_children = {int(pid) for pid in os.environ.pop(FORMER_CHILDREN_VARIABLE, "").split()}
        self._load_test: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        # Blocked signals wait for sigwait() below; children unblock them.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        application = self._load_application()
        gc.collect()
        gc.freeze()  # the garbage collector does not write to frozen objects, so children share their memory
        gc.set_threshold(YOUNG_OBJECTS)
        # Listen only after loading, so that a proxy uses another server while this one loads.
        self._listening.listen(listening_socket.BACKLOG)
        for _ in range(self._process_count):
            self._fork(application)
        self._send_signal(self._former_children, signal.SIGTERM)
        while (received_signal := signal.sigwait(_SIGNALS)) not in (signal.SIGTERM, signal.SIGINT):
            if received_signal == signal.SIGHUP:
                self._start_load_test()
            for status, age_seconds in self._collect_ended():
                logger.error("a web process ended with status %s; starting another", status)
                # A child that was killed by SIGKILL is replaced immediately.
                if age_seconds < EARLY_END_SECONDS and status != -signal.SIGKILL:
                    time.sleep(EARLY_END_SECONDS)
                self._fork(application)
            self._exec_if_loadable()
        self._stop(received_signal)

    def _fork(self, application: Any) -> None:
        parent_id = os.getpid()
        number = min(set(range(self._process_count)) - set(self._numbers.values()))
        if (child := os.fork()) == 0:
            status = 1
            try:
                self._serve(application, parent_id, number)
                status = 0
            except BaseException:  # also SystemExit: a child must never continue in the code of its parent
                logger.exception("a web process failed")
            finally:
                logging.shutdown()
                os._exit(status)
        self._start_times[child] = time.monotonic()
        self._numbers[child] = number

    def _serve(self, application: Any, parent_id: int, number: int) -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: children end with the parent
            # The parent ended before the line above, so no signal will come.
            if os.getppid() != parent_id:
                return
        fair_share = FairShare(self._connection_counts, number)
        server = WebServer(application, self._listening, self._thread_counts, fair_share)
        signal.signal(signal.SIGTERM, lambda *_: server.stop(linger=True))
        signal.signal(signal.SIGINT, lambda *_: server.stop(linger=False))
        for signal_number in (signal.SIGCHLD, signal.SIGHUP):
            signal.signal(signal_number, signal.SIG_DFL if signal_number == signal.SIGCHLD else signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        server.run()

    def _collect_ended(self) -> list[tuple[int, float]]:
        """Return the exit status and the age in seconds of each child that has ended and must be replaced."""
        self._former_children -= {pid for pid in self._former_children if os.waitpid(pid, os.WNOHANG)[0]}
        ended = []
        for child in list(self._start_times):
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                del self._numbers[child]
                ended.append((os.waitstatus_to_exitcode(status), time.monotonic() - self._start_times.pop(child)))
        return ended

    # Reload after SIGHUP

    def _start_load_test(self) -> None:
        """Start a process that tests whether the new application loads, unless one is running."""
        if self._load_test is None:
            # Unlike sys.argv, orig_argv also contains the options of the interpreter and `-m`.
            self._load_test = subprocess.Popen([sys.executable, *sys.orig_argv[1:], "--check"])  # noqa: S603 - our own

    def _exec_if_loadable(self) -> None:
        """If the test of the new application has succeeded, replace this process. If it has failed, log an error."""
        if self._load_test is None or self._load_test.poll() is None:
            return
        status, self._load_test = self._load_test.returncode, None
        if status:
            logger.error("the new application cannot be loaded (status %s); the running one stays", status)
            return
        former_children = {
            FORMER_CHILDREN_VARIABLE: " ".join(str(pid) for pid in {*self._start_times, *self._former_children})
        }
        environment = (
            os.environ
            | listening_socket.prepare_for_exec(self._listening, is_managed=self._is_managed)
            | former_children
        )
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606 - our own

    # Stop

    def _stop(self, received_signal: int) -> None:
        if not self._is_managed:
            listening_socket.drop_new_connections(self._listening)
        children = {*self._start_times, *self._former_children}
        self._send_signal(
            children, signal.SIGTERM if self._linger and received_signal == signal.SIGTERM else signal.SIGINT
        )
        self._listening.close()
        deadline = time.monotonic() + STOP_SECONDS + LINGER_SECONDS
        while (self._start_times or self._former_children) and time.monotonic() < deadline:
            self._collect_ended()
            time.sleep(0.02)
        self._send_signal({*self._start_times, *self._former_children}, signal.SIGKILL)

    @staticmethod
    def _send_signal(children: set[int], signal_number: int) -> None:
        for child in children:
            os.kill(child, signal_number)
