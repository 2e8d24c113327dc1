"""gzip for the API's answers and for pages, to clients that accept it; static files are compressed ahead of time.

A page repeats what its address says, and holds a token against forged forms. Django masks that token differently in
each page and pads the compressed body by a random length, so that sizes tell nobody what it is (the attack BREACH).
"""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from chm_project.api.errors import API_ROOT

# Shorter answers fit into one packet anyway.
LEAST_BYTES = 1_000


class CompressionMiddleware(GZipMiddleware):
    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if not (is_page or request.path_info.startswith(API_ROOT)):
            return response
        if isinstance(response, HttpResponse) and len(response.content) < LEAST_BYTES:
            return response
        return super().process_response(request, response)
