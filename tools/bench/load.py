"""Generate load on a web server, with blocking sockets and one thread per connection.

This process and the server share the processors, so sending requests must need little processor time.
"""

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoadTestResult:
    """Percentiles of the latency in milliseconds, and requests per second over all connections."""

    p50: float
    p95: float
    p99: float
    per_second: float
    requests: int


def generate_load(
    port: int, paths: Sequence[str], *, token: str, connections: int = 8, seconds: float = 6
) -> LoadTestResult:
    """Request the paths on all connections: first one second of warm-up, then `seconds` that are measured.

    Each connection requests every n-th path, where n is the number of connections. After the last path it begins again.
    Raise RuntimeError if a response is not 200.
    """
    request_seconds: list[float] = []
    failures: list[str] = []
    start_time = time.perf_counter()

    def send_requests(connection_number: int) -> None:
        request_seconds_of_connection: list[float] = []
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            # Nagle's algorithm would hold back a small request until the server has acknowledged the previous one.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            path_index = connection_number
            while (sent_at := time.perf_counter()) - start_time < seconds + 1 and not failures:
                path = paths[path_index % len(paths)]
                # If the number of paths is a multiple of the number of connections, each connection sends its own
                # paths, in their order. push.py relies on this: a run's end must not reach the server before its start.
                path_index += connections
                status = send_request(connection, path, token)
                if status != 200:
                    failures.append(f"{path} answered {status}")
                # In the first second the server fills its caches and opens database connections.
                if sent_at - start_time > 1:
                    request_seconds_of_connection.append(time.perf_counter() - sent_at)
        request_seconds.extend(request_seconds_of_connection)

    threads = [
        threading.Thread(target=send_requests, args=(connection_number,)) for connection_number in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures or not request_seconds:
        raise RuntimeError(failures[0] if failures else "no answers")
    request_seconds.sort()
    p50, p95, p99 = (
        round(request_seconds[int(share * (len(request_seconds) - 1))] * 1000, 2) for share in (0.5, 0.95, 0.99)
    )
    return LoadTestResult(p50, p95, p99, round(len(request_seconds) / seconds, 1), len(request_seconds))


def send_request(connection: socket.socket, path: str, token: str, body: bytes | None = None) -> int:
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
    # CHM's responses always have a Content-Length.
    length = next(
        int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    remaining = length - len(body)
    while remaining > 0:
        if not (chunk := connection.recv(65536)):
            raise RuntimeError(f"{path}: the server closed the connection inside a response")
        remaining -= len(chunk)
    return int(head.split()[1])
