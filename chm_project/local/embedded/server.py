"""The life of a shared server: the first holder starts it, the last one stops it, even if others are killed."""

import fcntl
import os
import pwd
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Self

from chm_project.local.embedded.errors import EmbeddedServersUnavailable
from chm_project.local.embedded.processes import spawn

# How long a server may take to start, recover or stop.
TIMEOUT_SECONDS = 60
POLL_SECONDS = 0.02


class SharedServer(ABC):
    """One server of one data folder, shared by any number of processes.

    It uses three locked files instead of pids, because the kernel releases locks when a process ends:
    NAME.turn   locked while a process starts or stops the server
    NAME.users  locked in common by all processes that use the server
    NAME.alive  locked by the processes of the server itself, and by those that prepare its files
    """

    name: str
    account: pwd.struct_passwd | None = None
    home: Path
    socket_path: Path

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.log = data_dir / f"{self.name}.log"

    @abstractmethod
    def prepare(self) -> None:
        """Set `home` and `socket_path`, creating the folders."""

    @abstractmethod
    def answers(self) -> bool:
        """Return whether a client gets a response, not only whether a process or file exists."""

    @abstractmethod
    def command(self, alive: int) -> Sequence[str | Path]:
        """Prepare the server's files and return the command; called only if none of its processes runs."""

    @abstractmethod
    def request_stop(self) -> None: ...

    def provision(self) -> None:
        """Create roles and databases in the running server."""
        return

    @contextmanager
    def hold(self) -> Iterator[Self]:
        """Start the server unless it runs, and keep it running inside the block; the last holder stops it."""
        with self._turn():
            self.prepare()
            users = self._open("users")
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                self._ensure_running()
                self.provision()
            except BaseException:
                self._release(users)
                raise
        try:
            yield self
        finally:
            with suppress(FileNotFoundError), self._turn():  # unless the folder was deleted meanwhile
                self._release(users)

    def alive(self) -> bool:
        """Return whether a process of the server exists."""
        with self._claim() as claimed:
            return claimed is None

    def listening(self) -> bool:
        """Return whether the server accepts connections on its socket."""
        with closing(socket.socket(socket.AF_UNIX)) as client:
            return client.connect_ex(str(self.socket_path)) == 0

    def _ensure_running(self) -> None:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        started = False
        while not self.answers():
            with self._claim() as alive:
                if alive is not None and started:
                    raise self._unavailable("stopped while starting")
                if alive is not None:
                    self._start(alive)
                    started = True
                    continue
            # A server, or the rest of a killed one, may be starting, recovering or stopping.
            if time.monotonic() > deadline:
                raise self._unavailable("has processes that do not answer")
            time.sleep(POLL_SECONDS)

    def _start(self, alive: int) -> None:
        command = self.command(alive)
        with suppress(FileNotFoundError):
            self.log.replace(self.log.with_suffix(".log.1"))
        self.log.touch(0o600)
        with self.log.open("wb") as log:
            spawn(command, account=self.account, log=log, keep_open=[alive])

    def _release(self, users: int) -> None:
        # Only the last holder gets the exclusive lock, and stops the server.
        os.close(users)
        with _closing(self._open("users")) as others:
            if _try_lock(others):
                self._stop()

    def _stop(self) -> None:
        for _ in range(TIMEOUT_SECONDS):
            # Retried every second, because a starting server does not listen yet.
            if self.listening():
                self.request_stop()
            if self._ends_within_a_second():
                return
        raise self._unavailable("does not stop")

    def _ends_within_a_second(self) -> bool:
        deadline = time.monotonic() + 1
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _unavailable(self, what: str) -> EmbeddedServersUnavailable:
        last_lines = ""
        with suppress(OSError):
            last_lines = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
        return EmbeddedServersUnavailable(
            f"The embedded {self.name} {what}. See {self.log}. Choose another folder with CHM_DATA_DIR "
            "(its disk must support unix sockets), or a server of your own with CHM_DATABASE_URL or CHM_BROKER_URL."
            f"\n{last_lines}".rstrip()
        )

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with _closing(self._open("turn")) as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _claim(self) -> Iterator[int | None]:
        """Return the lock for a new server's processes to inherit, or None while a server holds it."""
        with _closing(self._open("alive")) as alive:
            yield alive if _try_lock(alive) else None

    def _open(self, kind: str) -> int:
        return os.open(self.data_dir / f"{self.name}.{kind}", os.O_RDWR | os.O_CREAT, 0o600)


@contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
