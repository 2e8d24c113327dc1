"""gzip for the API's answers to clients that accept it; pages of the console are left alone."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from chm_project.api.errors import API_ROOT

# Shorter answers fit into one packet anyway.
LEAST_BYTES = 1_000


class ApiGZipMiddleware(GZipMiddleware):
    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not request.path_info.startswith(API_ROOT):
            return response
        if isinstance(response, HttpResponse) and len(response.content) < LEAST_BYTES:
            return response
        return super().process_response(request, response)
