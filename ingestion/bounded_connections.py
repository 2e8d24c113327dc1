"""Connections to partners with a deadline for the headers, and without access to cloud metadata services.

The timeout of the library requests limits only the wait for each byte. PartnerSession reads bodies with a deadline, but
http.client reads the status line and the headers. A timer here shuts the socket down when they take too long.
"""

import contextlib
import socket
import threading
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

from ingestion.errors import Refused

# Limit of a whole request with its response, as a multiple of `timeout_seconds`, which limits a single wait.
TIMEOUTS_PER_EXCHANGE = 6
# Link-local addresses, and the metadata services of AWS (IPv6) and Alibaba Cloud, which serve a machine's credentials.
_FORBIDDEN = [ip_network(text) for text in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "100.100.100.200/32")]


def is_forbidden(address: str) -> bool:
    """Return whether the IP address, which may have an IPv6 zone, is a metadata service or link-local."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in _FORBIDDEN)


class _Bounded:
    """Mixin for the connection classes of urllib3, which have no hook between connecting and sending."""

    sock: Any
    timeout: Any

    def connect(self) -> None:
        """Connect, and check the peer before anything is sent: a name may resolve to another address each time."""
        super().connect()  # type: ignore[misc]
        address = str(self.sock.getpeername()[0])
        if not settings.CHM_PARTNER_LINK_LOCAL and is_forbidden(address):
            self.close()  # type: ignore[attr-defined]
            raise Refused(f"the partner's name resolves to {address}, an address of cloud metadata: nothing was sent")

    def getresponse(self) -> HTTPResponse:
        if not isinstance(self.timeout, int | float):
            return super().getresponse()  # type: ignore[misc,no-any-return]
        timed_out = threading.Event()
        timer = threading.Timer(self.timeout * TIMEOUTS_PER_EXCHANGE, _shut_down, [self.sock, timed_out])
        timer.daemon = True  # a process that exits does not wait for it
        timer.start()
        try:
            response: HTTPResponse = super().getresponse()  # type: ignore[misc]
        finally:
            timer.cancel()
        if timed_out.is_set():  # http.client can read a closed connection as a response without a body
            response.close()
            self.close()  # type: ignore[attr-defined]
            raise TimeoutError("the headers took too long")
        return response


def _shut_down(connected: socket.socket, timed_out: threading.Event) -> None:
    timed_out.set()
    # shutdown() wakes the thread that reads from the socket; close() would not.
    with contextlib.suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


class _Connection(_Bounded, HTTPConnection):  # type: ignore[misc]
    pass


class _TLSConnection(_Bounded, HTTPSConnection):  # type: ignore[misc]
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class BoundedAdapter(HTTPAdapter):
    """An adapter for the library requests. Its connections have these limits."""

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
