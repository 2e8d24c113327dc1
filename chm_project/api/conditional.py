"""ETags: a GET with If-None-Match gets 304 if nothing has changed; a change with an outdated If-Match gets 412.

An ETag is a hash of the rendered body, so it needs no query. The ETag of an object begins with the version of the
object, its updated_at. If-Match compares only the version, not the hash. Ingestion changes some columns of a pipeline
every minute, such as ingested_through, and keeps updated_at. So ingestion does not make a user's change fail.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.api.errors import API_ROOT

# Headers that a 304 repeats: those that RFC 9110 requires, Link, and the rate limit.
_HEADERS_OF_304 = (
    "ETag",
    "Cache-Control",
    "Content-Location",
    "Date",
    "Expires",
    "Vary",
    "Link",
    "RateLimit",
    "RateLimit-Policy",
)


class PreconditionFailed(APIException):
    status_code = 412
    default_detail = (
        "The object has changed since you read it. Read it again, apply your change to the current version, and send "
        "the new ETag in If-Match."
    )


class ETagMiddleware:
    """Set the ETag of API responses. Answer 304 if the If-None-Match of the request contains this ETag."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not request.path_info.startswith(API_ROOT) or not isinstance(response, HttpResponse):
            return response
        version = getattr(response, "version", None)
        if version is None and not (response.status_code == 200 and request.method in {"GET", "HEAD"}):
            return response
        # Most processors compute SHA-256 in hardware.
        digest = sha256(response.content).hexdigest()[:24]
        etag = f'"{version}.{digest}"' if version else f'"{digest}"'
        response.headers["ETag"] = etag
        if request.method in {"GET", "HEAD"} and _matches(request.META.get("HTTP_IF_NONE_MATCH"), etag):
            return _not_modified(response)
        return response


class VersionedObjects:
    """Mixin for viewsets of rows with updated_at: give responses a version, and check If-Match.

    List this mixin before the mixins of REST framework. A change with If-Match locks the row before it compares the
    version, so only one of two simultaneous changes is accepted.
    """

    request: Any
    # The object that the request is about.
    api_object: Any = None

    def get_object(self) -> Any:
        if_match = self.request.headers.get("If-Match")
        if if_match is None or self.request.method not in {"PATCH", "DELETE"}:
            api_object = super().get_object()  # type: ignore[misc]  # a method of the viewset
        else:
            self.lock_rows = True
            api_object = super().get_object()  # type: ignore[misc]
            if not _has_version(if_match, version_of(api_object)):
                raise PreconditionFailed
        self.api_object = api_object
        return api_object

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()  # type: ignore[misc]
        # Lock only the object itself, not joined rows such as the client of a pipeline.
        return queryset.select_for_update(of=("self",)) if getattr(self, "lock_rows", False) else queryset

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._versioned(super().retrieve(request, *args, **kwargs))  # type: ignore[misc]

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._versioned(super().create(request, *args, **kwargs))  # type: ignore[misc]

    # get_object() locks the row until the end of the transaction.
    @transaction.atomic
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._versioned(super().partial_update(request, *args, **kwargs))  # type: ignore[misc]

    @transaction.atomic
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().destroy(request, *args, **kwargs)  # type: ignore[misc,no-any-return]

    def _versioned(self, response: Response) -> Response:
        if self.api_object is not None:
            response.version = version_of(self.api_object)  # type: ignore[attr-defined]  # ETagMiddleware reads it
        return response


def version_of(row: Any) -> str:
    """Return the version of an object: its updated_at in microseconds."""
    return f"{row.updated_at.timestamp() * 1_000_000:.0f}"


def _has_version(if_match: str, version: str) -> bool:
    # Compression adds W/ to an ETag (a weak ETag), but does not change the version.
    tags = [tag.removeprefix("W/").strip('"') for tag in parse_etags(if_match)]
    return tags == ["*"] or any(tag.partition(".")[0] == version for tag in tags)


def _matches(if_none_match: str | None, etag: str) -> bool:
    if not if_none_match:
        return False
    return if_none_match.strip() == "*" or any(tag.removeprefix("W/") == etag for tag in parse_etags(if_none_match))


def _not_modified(response: HttpResponse) -> HttpResponse:
    answer = HttpResponseNotModified()
    answer.headers.pop("Content-Type", None)
    for name in _HEADERS_OF_304:
        if name in response.headers:
            answer.headers[name] = response.headers[name]
    return answer
