"""The web server, the same in `make serve`, `make demo` and production."""

import socket
import sys

from django.conf import settings
from django.core.management.base import CommandError

HOST = "127.0.0.1"


def port() -> int:
    """Return CHM_PORT. Raise CommandError if it is in use: the server's own error does not say what to do."""
    number: int = settings.CHM_PORT
    with socket.socket() as probe:
        # As servers do; otherwise a port whose connections were just closed would count as used.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, number))
        except OSError as error:
            raise CommandError(
                f"Cannot listen on {HOST}:{number} ({error.strerror}). Stop the program that listens there, "
                "or choose another port: CHM_PORT=8001 make ..."
            ) from None
    return number


def command(number: int) -> list[str]:
    return [sys.executable, "-m", "chm_project.web_server", "--host", HOST, "--port", str(number)]
