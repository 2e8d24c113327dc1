"""Open the listening socket, receive it from systemd, or pass it on when the parent process replaces itself."""

import ctypes
import os
import socket
import struct
import sys

# The number of connections that can wait while children are replaced; the kernel limits it to net.core.somaxconn.
BACKLOG = 2_048
# The number of the first file descriptor that systemd passes: see sd_listen_fds(3).
_FIRST_PASSED_DESCRIPTOR = 3
# The name of a socket that CHM opened itself and passes to its next parent process.
_UNMANAGED_NAME = "chm-own"
_SO_ATTACH_FILTER = 26
# A classic BPF program on TCP headers: drop segments with the flag SYN, accept others.
_DROP_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))


def open_socket(host: str, port: int) -> tuple[socket.socket, bool]:
    """Return the socket, and whether a service manager also keeps it open.

    The socket comes from systemd, from the previous parent process, or is new. A new socket does not listen yet.
    """
    is_managed = False
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1":
        listening = socket.socket(fileno=_FIRST_PASSED_DESCRIPTOR)
        listening.set_inheritable(False)
        is_managed = os.environ.get("LISTEN_FDNAMES") != _UNMANAGED_NAME
    else:
        listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        # Allow a new server to bind while connections of the previous server are in TIME_WAIT.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    listening.setblocking(False)
    return listening, is_managed


def prepare_for_exec(listening: socket.socket, *, is_managed: bool) -> dict[str, str]:
    """Prepare the socket for an exec of this process.

    Return the environment variables in which `open_socket` finds the socket after the exec.
    """
    if listening.fileno() == _FIRST_PASSED_DESCRIPTOR:
        os.set_inheritable(_FIRST_PASSED_DESCRIPTOR, True)
    else:
        os.dup2(listening.fileno(), _FIRST_PASSED_DESCRIPTOR)
    return {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "" if is_managed else _UNMANAGED_NAME}


def drop_new_connections(listening: socket.socket) -> None:
    """Ignore new connections from now on. Closing the socket instead would reset connections that wait to be accepted.

    A client that connects sends its SYN again after a second. Then it is refused, or the next server accepts it.
    Works on Linux only; on other systems it does nothing.
    """
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in _DROP_SYN))
    listening.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(_DROP_SYN), ctypes.addressof(program))
    )
