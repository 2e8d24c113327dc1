"""Connections to partners with a deadline, and without access to the machine's metadata service.

requests limits the wait for each byte, and CHM reads a body with a deadline; the status line and the headers
are read inside http.client. So a connection cuts itself off when its headers take too long.
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

# Limit of a whole exchange, as a multiple of the timeout of a single wait.
TIMEOUTS_PER_EXCHANGE = 6
# Addresses where clouds serve credentials of a machine.
_FORBIDDEN = [ip_network(text) for text in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "100.100.100.200/32")]


def is_forbidden(address: str) -> bool:
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in network for network in _FORBIDDEN)


class _Bounded:
    sock: Any
    timeout: Any

    def connect(self) -> None:
        """Check the connected address before sending anything, because a name can resolve to any address."""
        super().connect()  # type: ignore[misc]
        address = str(self.sock.getpeername()[0])
        if not settings.CHM_PARTNER_LINK_LOCAL and is_forbidden(address):
            self.close()  # type: ignore[attr-defined]
            raise Refused(f"the partner's name leads to {address}, where machines keep credentials: not asked")

    def getresponse(self) -> HTTPResponse:
        if not isinstance(self.timeout, int | float):
            return super().getresponse()  # type: ignore[misc,no-any-return]
        late = threading.Event()
        cut = threading.Timer(self.timeout * TIMEOUTS_PER_EXCHANGE, _cut, [self.sock, late])
        cut.daemon = True
        cut.start()
        try:
            response: HTTPResponse = super().getresponse()  # type: ignore[misc]
        finally:
            cut.cancel()
        if late.is_set():  # a broken connection can look like a response without a body
            response.close()
            self.close()  # type: ignore[attr-defined]
            raise TimeoutError("the headers took too long")
        return response


def _cut(connected: socket.socket, late: threading.Event) -> None:
    late.set()
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
    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
