"""Compress API responses and pages with gzip if the client accepts it. Static files are compressed at build time.

The BREACH attack needs a compressed page that contains a secret and text from the URL. Django prevents this attack: it
masks the CSRF token differently in each response, and adds a random length to compressed bodies.
"""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from chm_project.api.errors import API_ROOT

# Shorter responses fit into one network packet without compression.
MIN_BYTES = 1_000


class CompressionMiddleware(GZipMiddleware):
    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if not (is_page or request.path_info.startswith(API_ROOT)):
            return response
        if isinstance(response, HttpResponse) and len(response.content) < MIN_BYTES:
            return response
        return super().process_response(request, response)
