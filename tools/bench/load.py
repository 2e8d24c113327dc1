"""Generate load with blocking sockets and one thread per connection.

Client and server share the processors, so the client must need little time.
"""

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """Latencies in milliseconds, and requests per second over all connections."""

    p50: float
    p95: float
    p99: float
    per_second: float
    requests: int


def load(port: int, paths: Sequence[str], *, token: str, connections: int = 8, seconds: float = 6) -> Load:
    """Request the paths, in turn, on all connections for `seconds`, after one second of warm-up.

    Raise RuntimeError if a response is not 200.
    """
    times: list[float] = []
    failures: list[str] = []
    started = time.perf_counter()

    def work(number: int) -> None:
        latencies: list[float] = []
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            # Without Nagle's algorithm, which lets a small request wait until the previous one is acknowledged.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            index = number
            while (now := time.perf_counter()) - started < seconds + 1 and not failures:
                path = paths[index % len(paths)]
                # Each connection sends its own part of the paths. So the connection that has sent the start of a run
                # also sends its end (push.py).
                index += connections
                status = ask(connection, path, token)
                if status != 200:
                    failures.append(f"{path} answered {status}")
                # In the first second the server fills its caches and opens database connections.
                if now - started > 1:
                    latencies.append(time.perf_counter() - now)
        times.extend(latencies)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures or not times:
        raise RuntimeError(failures[0] if failures else "no answers")
    times.sort()
    p50, p95, p99 = (round(times[int(share * (len(times) - 1))] * 1000, 2) for share in (0.5, 0.95, 0.99))
    return Load(p50, p95, p99, round(len(times) / seconds, 1), len(times))


def ask(connection: socket.socket, path: str, token: str, body: bytes | None = None) -> int:
    """Send a request on an open connection, read the whole response, and return its status."""
    headers = f"Host: 127.0.0.1\r\nAccept: application/json\r\nAuthorization: Bearer {token}"
    if body is None:
        connection.sendall(f"GET {path} HTTP/1.1\r\n{headers}\r\n\r\n".encode())
    else:
        headers += f"\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        connection.sendall(f"POST {path} HTTP/1.1\r\n{headers}\r\n\r\n".encode() + body)
    received = b""
    while b"\r\n\r\n" not in received:
        if not (chunk := connection.recv(65536)):
            raise RuntimeError(f"{path}: the server closed the connection")
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    # CHM's responses have a Content-Length, so chunked bodies are not read here.
    length = next(
        int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    remaining = length - len(body)
    while remaining > 0:
        remaining -= len(connection.recv(65536))
    return int(head.split()[1])
