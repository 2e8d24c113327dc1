"""The parent of the web processes: it holds the listening socket and replaces children that end.

The parent loads the application once. A new child is a fork and answers within milliseconds; meanwhile connections wait
in the socket's queue or go to other children.

SIGHUP reloads the application without a gap: a separate process tests whether it loads, then the parent replaces itself
(exec), keeps its process id and the socket, forks new children, and lets the old ones finish.
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

from chm_project.web_server import listening as sockets
from chm_project.web_server.server import LINGER_SECONDS, STOP_SECONDS, ThreadCounts, WebServer

logger = logging.getLogger(__name__)

# If a child ends sooner than this, the next one starts after a pause, so that an error at the start does not loop.
YOUNG_SECONDS = 0.5
# The variable that passes the process ids of running children across the exec.
FORMER_CHILDREN = "CHM_WEB_FORMER_CHILDREN"
# Signals that the parent waits for. In a child, SIGTERM lets kept connections send one more request; SIGINT does not.
_SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class Processes:
    """The children of a web server.

    `linger`: a proxy keeps connections open, so a stop waits for their last request. `is_managed`: a service manager
    keeps the socket open, so connections wait in it for the next parent.
    """

    def __init__(
        self,
        load: Callable[[], Any],
        listening: socket.socket,
        *,
        count: int,
        thread_counts: ThreadCounts,
        linger: bool,
        is_managed: bool,
    ) -> None:
        self._load = load
        self._listening = listening
        self._count = count
        self._thread_counts = thread_counts
        self._linger = linger
        self._is_managed = is_managed
        self._started: dict[int, float] = {}
        self._former = {int(pid) for pid in os.environ.pop(FORMER_CHILDREN, "").split()}
        self._trial: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        # Blocked signals wait for sigwait() below; children unblock them.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        application = self._load()
        gc.collect()
        gc.freeze()  # the collector no longer writes to loaded objects, so children share their memory
        # Listen only now, so that a proxy uses another server while this one loads.
        self._listening.listen(sockets.BACKLOG)
        for _ in range(self._count):
            self._fork(application)
        self._signal(self._former, signal.SIGTERM)
        while (received := signal.sigwait(_SIGNALS)) not in (signal.SIGTERM, signal.SIGINT):
            if received == signal.SIGHUP:
                self._try_to_load()
            for status, age in self._ended():
                logger.error("a web process ended with status %s; starting another", status)
                # A child that was killed from outside is replaced at once.
                if age < YOUNG_SECONDS and status != -signal.SIGKILL:
                    time.sleep(YOUNG_SECONDS)
                self._fork(application)
            self._replace_if_loadable()
        self._stop(received)

    def _fork(self, application: Any) -> None:
        parent = os.getpid()
        if (child := os.fork()) == 0:
            status = 1
            try:
                self._serve(application, parent)
                status = 0
            except BaseException:  # also SystemExit: a child must never continue in the code of its parent
                logger.exception("a web process failed")
            finally:
                logging.shutdown()
                os._exit(status)
        self._started[child] = time.monotonic()

    def _serve(self, application: Any, parent: int) -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: children end with the parent
            # The parent ended before the line above, so no signal will come.
            if os.getppid() != parent:
                return
        server = WebServer(application, self._listening, self._thread_counts)
        signal.signal(signal.SIGTERM, lambda *_: server.stop(linger=True))
        signal.signal(signal.SIGINT, lambda *_: server.stop(linger=False))
        for number in (signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        server.run()

    def _ended(self) -> list[tuple[int, float]]:
        """Return status and age of each child to replace."""
        self._former -= {pid for pid in self._former if os.waitpid(pid, os.WNOHANG)[0]}
        ended = []
        for child in list(self._started):
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                ended.append((os.waitstatus_to_exitcode(status), time.monotonic() - self._started.pop(child)))
        return ended

    # SIGHUP

    def _try_to_load(self) -> None:
        """Test in a separate process whether the new application loads."""
        if self._trial is None:
            # orig_argv also has the options of the interpreter and `-m`.
            self._trial = subprocess.Popen([sys.executable, *sys.orig_argv[1:], "--check"])  # noqa: S603 - our own

    def _replace_if_loadable(self) -> None:
        if self._trial is None or self._trial.poll() is None:
            return
        status, self._trial = self._trial.returncode, None
        if status:
            logger.error("the new application cannot be loaded (status %s); the running one stays", status)
            return
        former = {FORMER_CHILDREN: " ".join(str(pid) for pid in {*self._started, *self._former})}
        environment = os.environ | sockets.pass_on(self._listening, is_managed=self._is_managed) | former
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606 - our own

    # Stop

    def _stop(self, received: int) -> None:
        if not self._is_managed:
            sockets.drop_new_connections(self._listening)
        children = {*self._started, *self._former}
        self._signal(children, signal.SIGTERM if self._linger and received == signal.SIGTERM else signal.SIGINT)
        self._listening.close()
        deadline = time.monotonic() + STOP_SECONDS + LINGER_SECONDS
        while (self._started or self._former) and time.monotonic() < deadline:
            self._ended()
            time.sleep(0.02)
        self._signal({*self._started, *self._former}, signal.SIGKILL)

    @staticmethod
    def _signal(children: set[int], number: int) -> None:
        for child in children:
            os.kill(child, number)
