from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation


class ContentNegotiation(DefaultContentNegotiation):
    """REST framework's negotiation, without parsing the two values of Accept that almost all clients send."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        first = renderers[0]
        if request.META.get("HTTP_ACCEPT", "*/*") in ("*/*", first.media_type) and format_suffix is None:
            return first, first.media_type
        return super().select_renderer(request, renderers, format_suffix)
