"""The parent of the web processes: holds the listening socket, and forks another child as soon as one ends.

The parent loads the application once. A new child is a fork of it and answers within milliseconds; meanwhile
connections wait in the socket's queue, and the other children take them.
"""

import ctypes
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from chm_project.web_server.server import STOP_SECONDS, Server, Size

logger = logging.getLogger(__name__)

BACKLOG = 2_048
# A child that dies younger than this waits before the next one starts: a fault at the start must not spin.
YOUNG_SECONDS = 0.5
_SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}


def listen(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, port))
    listening.listen(BACKLOG)
    listening.setblocking(False)
    return listening


class Processes:
    def __init__(self, load: Callable[[], Any], listening: socket.socket, *, number: int, size: Size) -> None:
        self._load = load
        self._listening = listening
        self._number = number
        self._size = size
        self._started: dict[int, float] = {}

    def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        application = self._load()
        gc.collect()
        gc.freeze()  # what is loaded stays shared between the children
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        for _ in range(self._number):
            self._fork(application)
        while (received := signal.sigwait(_SIGNALS)) == signal.SIGCHLD:
            for status, age in self._ended():
                logger.error("a web process ended with status %s; starting another", status)
                time.sleep(YOUNG_SECONDS if age < YOUNG_SECONDS else 0)
                self._fork(application)
        self._stop(received)

    def _fork(self, application: Any) -> None:
        parent = os.getpid()
        if (child := os.fork()) == 0:
            status = 1
            try:
                self._serve(application, parent)
                status = 0
            except BaseException:
                logger.exception("a web process failed")
            finally:
                logging.shutdown()
                os._exit(status)
        self._started[child] = time.monotonic()

    def _serve(self, application: Any, parent: int) -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # the end of the parent is the end of its children
            if os.getppid() != parent:
                return
        server = Server(application, self._listening, self._size)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.stop())
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        server.run()

    def _ended(self) -> list[tuple[int, float]]:
        found = []
        for child in list(self._started):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                found.append((os.waitstatus_to_exitcode(status), time.monotonic() - self._started.pop(child)))
        return found

    def _stop(self, received: int) -> None:
        self._listening.close()
        self._signal_all(received)
        deadline = time.monotonic() + STOP_SECONDS + 2
        while self._started and time.monotonic() < deadline:
            self._ended()
            time.sleep(0.02)
        self._signal_all(signal.SIGKILL)

    def _signal_all(self, number: int) -> None:
        for child in self._started:
            os.kill(child, number)
