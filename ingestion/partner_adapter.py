"""HTTP connections to partners, with a deadline for the headers and without access to cloud metadata services.

The timeout of the package `requests` limits only each wait for data, so a partner that sends one byte per second could
block a worker. PartnerSession stops reading a body at a deadline. The status line and the headers are read by
http.client, so a timer in this module closes the socket if they take too long.
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

# A request and its response may together take this many times `timeout_seconds`, which limits a single wait. Example:
# with 10 s for a wait, a request ends after 60 s.
TIMEOUTS_PER_REQUEST = 6
# Link-local addresses, and the metadata services of AWS (IPv6) and Alibaba Cloud, which serve a machine's credentials.
_FORBIDDEN_NETWORKS = [
    ip_network(text) for text in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "100.100.100.200/32")
]


def is_forbidden(address: str) -> bool:
    """Return whether the IP address (with or without an IPv6 zone) is a metadata service or link-local."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in _FORBIDDEN_NETWORKS)


class _DeadlineMixin:
    """Adds the check of the address and the deadline to a connection class of urllib3."""

    sock: Any
    timeout: Any

    def connect(self) -> None:
        """Connect, and check the address of the partner before anything is sent.

        A check before connecting would not be enough, because the host name can resolve to another address each time.
        """
        super().connect()  # type: ignore[misc]
        address = str(self.sock.getpeername()[0])
        if not settings.CHM_PARTNER_LINK_LOCAL and is_forbidden(address):
            self.close()  # type: ignore[attr-defined]
            raise Refused(f"the partner has the link-local or metadata address {address}: nothing was sent")

    def getresponse(self) -> HTTPResponse:
        """Return the response as soon as its headers are complete. Raise TimeoutError after the deadline."""
        if not isinstance(self.timeout, int | float):
            return super().getresponse()  # type: ignore[misc,no-any-return]
        timed_out = threading.Event()
        timer = threading.Timer(self.timeout * TIMEOUTS_PER_REQUEST, _shut_down, [self.sock, timed_out])
        timer.daemon = True  # so that it does not keep the process from exiting
        timer.start()
        try:
            response: HTTPResponse = super().getresponse()  # type: ignore[misc]
        finally:
            timer.cancel()
        if timed_out.is_set():  # after the timer has closed the socket, http.client may still return a response
            response.close()
            self.close()  # type: ignore[attr-defined]
            raise TimeoutError("the headers took too long")
        return response


def _shut_down(connected_socket: socket.socket, timed_out: threading.Event) -> None:
    timed_out.set()
    # shutdown() wakes the thread that reads from the socket; close() would not.
    with contextlib.suppress(OSError):
        connected_socket.shutdown(socket.SHUT_RDWR)


class _Connection(_DeadlineMixin, HTTPConnection):  # type: ignore[misc]
    pass


class _TLSConnection(_DeadlineMixin, HTTPSConnection):  # type: ignore[misc]
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class PartnerAdapter(HTTPAdapter):
    """An adapter for the package `requests`, with the deadline and the check of addresses."""

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
