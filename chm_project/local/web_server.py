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
    """Granian with one blocking thread per worker: with more, connections were seen to starve.

    Without its access log, which would hold the keys of pings.
    """
    return [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(number),
        "--workers", os.environ.get("CHM_WEB_WORKERS", "2"), "--blocking-threads", "1", "--no-ws",
        # A client that holds its connection open does not hold up the end.
        "--workers-kill-timeout", "20", "--log-level", "warning", "chm_project.wsgi:application",
    ]  # fmt: skip
