"""The listening socket: opened here, received from systemd, or kept across an exec of the parent."""

import ctypes
import os
import socket
import struct
import sys

# Connections that may wait while children are replaced; the kernel limits this to net.core.somaxconn.
BACKLOG = 2_048
# The first file descriptor from systemd: sd_listen_fds(3).
_FIRST = 3
# The name of a socket that systemd does not hold.
_OWN_NAME = "chm-own"
_SO_ATTACH_FILTER = 26
# A classic BPF program on TCP headers: drop segments with the flag SYN, accept others.
_DROP_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))


def open_socket(host: str, port: int) -> tuple[socket.socket, bool]:
    """Return the socket, which may not listen yet, and whether a service manager keeps it open too.

    The socket comes from systemd or from the previous parent, or is new.
    """
    is_managed = False
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1":
        listening = socket.socket(fileno=_FIRST)
        listening.set_inheritable(False)
        is_managed = os.environ.get("LISTEN_FDNAMES") != _OWN_NAME
    else:
        listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        # A new server can bind while connections of the former one are in TIME_WAIT.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    listening.setblocking(False)
    return listening, is_managed


def pass_on(listening: socket.socket, *, is_managed: bool) -> dict[str, str]:
    """Prepare the socket for an exec that follows at once; return the variables that `open_socket` then reads."""
    if listening.fileno() == _FIRST:
        os.set_inheritable(_FIRST, True)
    else:
        os.dup2(listening.fileno(), _FIRST)
    return {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "" if is_managed else _OWN_NAME}


def drop_new_connections(listening: socket.socket) -> None:
    """Ignore new connections from now on, because closing the socket would reset connections not yet accepted.

    Such a client repeats its SYN after a second, and is then refused or reaches the next server. Linux only.
    """
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in _DROP_SYN))
    listening.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(_DROP_SYN), ctypes.addressof(program))
    )
