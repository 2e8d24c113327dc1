"""The embedded Valkey: Celery's broker on a unix socket, with an append-only file that survives a crash."""

import socket
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from chm_project.local.embedded.binaries import valkey_program
from chm_project.local.embedded.folders import private_folder, socket_folder
from chm_project.local.embedded.server import SharedServer


class Valkey(SharedServer):
    name = "valkey"

    def prepare(self) -> None:
        self.home = private_folder(self.data_dir / "valkey")
        self.socket_path = socket_folder(self.home, data_dir=self.data_dir) / "valkey.sock"

    @property
    def url(self) -> str:
        return f"redis+socket://{self.socket_path}"

    def answers(self) -> bool:
        return self._send("PING").startswith(b"+PONG")

    def command(self, alive_lock_descriptor: int) -> Sequence[str | Path]:
        # No snapshots (--save ""), because the append-only file is enough. Valkey replaces an old socket file.
        return [
            *(valkey_program(), "--port", "0", "--unixsocket", self.socket_path, "--unixsocketperm", "700"),
            *("--dir", self.home, "--appendonly", "yes", "--save", ""),
        ]

    def request_stop(self) -> None:
        self._send("SHUTDOWN FORCE")

    def _send(self, command: str) -> bytes:
        with closing(socket.socket(socket.AF_UNIX)) as client:
            client.settimeout(5)
            try:
                client.connect(str(self.socket_path))
                client.sendall(f"{command}\r\n".encode())
                return client.recv(64)
            except OSError:
                return b""
