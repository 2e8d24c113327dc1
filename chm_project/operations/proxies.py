"""Use forwarded headers only from the proxies in CHM_PROXIES."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED")


class ProxyMiddleware:
    """Set REMOTE_ADDR to the client's address; drop forwarded headers from other senders."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.trusted = [ip_network(network) for network in settings.CHM_PROXIES]

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if self._is_proxy(request.META.get("REMOTE_ADDR", "")):
            request.META["REMOTE_ADDR"] = self._client(request)
        else:
            # Anyone can send these headers, so CHM uses only those of a proxy.
            for name in _FORWARDED:
                request.META.pop(name, None)
        return self.get_response(request)

    def _client(self, request: HttpRequest) -> str:
        """Return the last address that is not one of these proxies; a client can forge everything before it."""
        address = str(request.META["REMOTE_ADDR"])
        for text in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
            if not _is_address(text.strip()):
                break
            address = text.strip()
            if not self._is_proxy(address):
                break
        return address

    def _is_proxy(self, address: str) -> bool:
        return _is_address(address) and any(ip_address(address) in network for network in self.trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
