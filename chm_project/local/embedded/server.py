"""Start and stop a server that several processes share: the first one starts it, and the last one stops it."""

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
    """One server in one data folder. The processes that use it are its holders.

    Three locked files show the state, because the kernel releases the locks of a killed process:
    NAME.turn   locked while a process starts or stops the server
    NAME.users  shared lock of all processes that use the server
    NAME.alive  locked by the processes of the server itself, and by a process that prepares its files
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
        """Return whether the server answers a client."""

    @abstractmethod
    def command(self, alive_lock_descriptor: int) -> Sequence[str | Path]:
        """Prepare the server's files and return the command that starts it. Called only while the server does not run.

        `alive_lock_descriptor` is the descriptor of the locked file NAME.alive, which the started processes inherit.
        """

    @abstractmethod
    def request_stop(self) -> None:
        """Tell the server to stop, without waiting for it."""

    def provision(self) -> None:
        """Create what the running server needs, such as roles and databases; nothing by default."""
        return

    @contextmanager
    def hold(self) -> Iterator[Self]:
        """Keep the server running inside the block. Start it if it does not run; stop it if no other holder is left."""
        with self._lock_turn_file():
            self.prepare()
            users_descriptor = self._open_lock_file("users")
            fcntl.flock(users_descriptor, fcntl.LOCK_SH)
            try:
                self._ensure_running()
                self.provision()
            except BaseException:
                self._release(users_descriptor)
                raise
        try:
            yield self
        finally:
            with suppress(FileNotFoundError), self._lock_turn_file():  # the folder may have been deleted meanwhile
                self._release(users_descriptor)

    def has_process(self) -> bool:
        """Return whether a process of the server exists."""
        with self._lock_alive_file() as alive_lock_descriptor:
            return alive_lock_descriptor is None

    def is_listening(self) -> bool:
        """Return whether the server accepts connections on its socket."""
        with closing(socket.socket(socket.AF_UNIX)) as client:
            return client.connect_ex(str(self.socket_path)) == 0

    def _ensure_running(self) -> None:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        has_started = False
        while not self.answers():
            with self._lock_alive_file() as alive_lock_descriptor:
                if alive_lock_descriptor is not None and has_started:
                    raise self._unavailable_error("stopped while starting")
                if alive_lock_descriptor is not None:
                    self._start(alive_lock_descriptor)
                    has_started = True
                    continue
            # The server may be starting, recovering or stopping, or processes of a killed server may still run.
            if time.monotonic() > deadline:
                raise self._unavailable_error("has processes that do not answer")
            time.sleep(POLL_SECONDS)

    def _start(self, alive_lock_descriptor: int) -> None:
        command = self.command(alive_lock_descriptor)
        with suppress(FileNotFoundError):
            self.log.replace(self.log.with_suffix(".log.1"))
        self.log.touch(0o600)
        with self.log.open("wb") as log:
            spawn(command, account=self.account, log=log, keep_open=[alive_lock_descriptor])

    def _release(self, users_descriptor: int) -> None:
        # Only the last holder gets the exclusive lock, and stops the server.
        os.close(users_descriptor)
        with _closing(self._open_lock_file("users")) as descriptor:
            if _try_lock(descriptor):
                self._stop()

    def _stop(self) -> None:
        for _ in range(TIMEOUT_SECONDS):
            # Repeat the request every second, because a starting server does not receive it.
            if self.is_listening():
                self.request_stop()
            if self._ends_within_a_second():
                return
        raise self._unavailable_error("does not stop")

    def _ends_within_a_second(self) -> bool:
        deadline = time.monotonic() + 1
        while self.has_process():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _unavailable_error(self, problem: str) -> EmbeddedServersUnavailable:
        last_lines = ""
        with suppress(OSError):
            last_lines = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
        return EmbeddedServersUnavailable(
            f"The embedded {self.name} {problem}. See {self.log}. Choose another folder with CHM_DATA_DIR "
            "(its disk must support unix sockets), or a server of your own with CHM_DATABASE_URL or CHM_BROKER_URL."
            f"\n{last_lines}".rstrip()
        )

    @contextmanager
    def _lock_turn_file(self) -> Iterator[None]:
        with _closing(self._open_lock_file("turn")) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _lock_alive_file(self) -> Iterator[int | None]:
        """Yield the descriptor of the locked file NAME.alive, or None if another process holds the lock."""
        with _closing(self._open_lock_file("alive")) as descriptor:
            yield descriptor if _try_lock(descriptor) else None

    def _open_lock_file(self, suffix: str) -> int:
        return os.open(self.data_dir / f"{self.name}.{suffix}", os.O_RDWR | os.O_CREAT, 0o600)


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
