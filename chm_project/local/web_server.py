"""The web server, the same in `make serve`, `make demo` and production."""

import os
import socket
import sys

from django.core.management.base import CommandError

HOST = "127.0.0.1"


def port() -> int:
    """CHM_PORT, checked to be free: the server itself would say less clearly what to do."""
    text = os.environ.get("CHM_PORT", "8000")
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise CommandError(f"CHM_PORT is {text!r}; it must be a port number.", returncode=2)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, int(text)))
        except OSError as error:
            raise CommandError(
                f"Cannot listen on {HOST}:{text} ({error.strerror}). Stop what does, or choose another port: "
                f"CHM_PORT=8001 make ..."
            ) from None
    return int(text)


def command(number: int) -> list[str]:
    return [sys.executable, "-m", "chm_project.web_server", "--host", HOST, "--port", str(number)]
