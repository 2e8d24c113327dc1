"""Open the listening socket, or receive it from systemd.

The socket also stays open when the parent process replaces itself by exec (see processes.py).
"""

import ctypes
import os
import socket
import struct
import sys

# How many connections can wait until a child accepts them. The kernel limits this number to net.core.somaxconn.
BACKLOG = 2_048
# The number of the first file descriptor that systemd passes: see sd_listen_fds(3).
_FIRST_PASSED_DESCRIPTOR = 3
# LISTEN_FDNAMES has this value if the socket comes from CHM's previous parent process, and not from systemd.
_OWN_SOCKET_NAME = "chm-own"
_SO_ATTACH_FILTER = 26
# A classic BPF program, which reads TCP headers. It drops segments with the flag SYN, and accepts all others.
_DROP_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))


def open_socket(host: str, port: int) -> tuple[socket.socket, bool]:
    """Return the listening socket, and whether systemd also holds it open.

    systemd or the previous parent process can pass the socket to this process. If neither did, open a new socket, which
    does not listen yet.
    """
    is_held_by_systemd = False
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1":
        listening = socket.socket(fileno=_FIRST_PASSED_DESCRIPTOR)
        listening.set_inheritable(False)
        is_held_by_systemd = os.environ.get("LISTEN_FDNAMES") != _OWN_SOCKET_NAME
    else:
        listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        # With SO_REUSEADDR, bind() succeeds although connections of the previous server are still in TIME_WAIT.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    listening.setblocking(False)
    return listening, is_held_by_systemd


def prepare_for_exec(listening: socket.socket, *, is_held_by_systemd: bool) -> dict[str, str]:
    """Let the socket stay open when this process calls exec.

    Return the environment variables with which `open_socket` finds the socket after the exec.
    """
    if listening.fileno() == _FIRST_PASSED_DESCRIPTOR:
        os.set_inheritable(_FIRST_PASSED_DESCRIPTOR, True)
    else:
        os.dup2(listening.fileno(), _FIRST_PASSED_DESCRIPTOR)
    return {
        "LISTEN_PID": str(os.getpid()),
        "LISTEN_FDS": "1",
        "LISTEN_FDNAMES": "" if is_held_by_systemd else _OWN_SOCKET_NAME,
    }


def drop_new_connections(listening: socket.socket) -> None:
    """Let the kernel drop the requests for new connections (SYN), but keep the connections that wait in the socket.

    A client sends its SYN again after a second. Then the kernel refuses it, or the next server accepts it. If CHM
    closed the socket now, the waiting connections would be reset. On systems other than Linux, this function does
    nothing.
    """
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in _DROP_SYN))
    listening.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(_DROP_SYN), ctypes.addressof(program))
    )
