"""Use forwarded headers only if a proxy in CHM_PROXIES sent them."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

_FORWARDED_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED")


class ProxyMiddleware:
    """Set REMOTE_ADDR to the client's address. Remove forwarded headers that do not come from a trusted proxy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.trusted_networks = [ip_network(network) for network in settings.CHM_PROXIES]

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if self._is_proxy(request.META.get("REMOTE_ADDR", "")):
            request.META["REMOTE_ADDR"] = self._client_address(request)
        else:
            # Any client can send these headers, so remove those that do not come from a trusted proxy.
            for name in _FORWARDED_HEADERS:
                request.META.pop(name, None)
        return self.get_response(request)

    def _client_address(self, request: HttpRequest) -> str:
        """Return the last address in X-Forwarded-For that is not a trusted proxy.

        The client can have sent the addresses before it, so these may be forged.
        """
        address = str(request.META["REMOTE_ADDR"])
        for text in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
            if not _is_address(text.strip()):
                break
            address = text.strip()
            if not self._is_proxy(address):
                break
        return address

    def _is_proxy(self, address: str) -> bool:
        return _is_address(address) and any(ip_address(address) in network for network in self.trusted_networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
