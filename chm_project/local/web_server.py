"""The port and the command of the web server for `make serve` and `make demo`; production runs the same server."""

import socket
import sys

from django.conf import settings
from django.core.management.base import CommandError

HOST = "127.0.0.1"


def port() -> int:
    """Return CHM_PORT. Raise CommandError with a hint if another program uses it."""
    port_number: int = settings.CHM_PORT
    with socket.socket() as probe:
        # Servers set this option too. Without it, bind() fails for a while after connections to the port were closed.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port_number))
        except OSError as error:
            raise CommandError(
                f"Cannot listen on {HOST}:{port_number} ({error.strerror}). Stop the program that listens there, "
                "or choose another port: CHM_PORT=8001 make ..."
            ) from None
    return port_number


def command(port_number: int) -> list[str]:
    return [sys.executable, "-m", "chm_project.web_server", "--host", HOST, "--port", str(port_number)]
