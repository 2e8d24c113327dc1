"""ETags: an unchanged read answers 304, and a change with an outdated If-Match answers 412.

An ETag is a hash of the rendered body, without a query. The ETag of an object begins with its version (updated_at), and
If-Match compares only the version: ingestion changes bookkeeping columns of a pipeline every minute, which must not
refuse a user's change.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.api.errors import API_ROOT

# Headers that a 304 repeats (RFC 9110).
_KEPT = (
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
        "The object has changed since you read it. Read it again, apply your change to what it is now, and send the "
        "new ETag in If-Match."
    )


class ETagMiddleware:
    """Set the ETag of every complete API response; answer 304 to a matching If-None-Match."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not request.path_info.startswith(API_ROOT) or not isinstance(response, HttpResponse):
            return response
        version = getattr(response, "version", None)
        if version is None and not (response.status_code == 200 and request.method in {"GET", "HEAD"}):
            return response
        digest = blake2b(response.content, digest_size=12).hexdigest()
        etag = f'"{version}.{digest}"' if version else f'"{digest}"'
        response.headers["ETag"] = etag
        if request.method in {"GET", "HEAD"} and _matches(request.META.get("HTTP_IF_NONE_MATCH"), etag):
            return _not_modified(response)
        return response


class VersionedObjects:
    """Mixin for viewsets of rows with updated_at: responses have a version, and If-Match is checked.

    List it before the mixins of REST framework. The row is locked from the comparison to the end of the change.
    """

    request: Any
    found: Any = None

    def get_object(self) -> Any:
        wanted = self.request.headers.get("If-Match")
        if wanted is None or self.request.method not in {"PATCH", "DELETE"}:
            found = super().get_object()  # type: ignore[misc]  # of the viewset
        else:
            self.lock_rows = True
            found = super().get_object()  # type: ignore[misc]
            if not _has_version(wanted, version_of(found)):
                raise PreconditionFailed
        self.found = found
        return found

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()  # type: ignore[misc]
        return queryset.select_for_update(of=("self",)) if getattr(self, "lock_rows", False) else queryset

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._versioned(super().retrieve(request, *args, **kwargs))  # type: ignore[misc]

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._versioned(super().create(request, *args, **kwargs))  # type: ignore[misc]

    @transaction.atomic
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._versioned(super().partial_update(request, *args, **kwargs))  # type: ignore[misc]

    @transaction.atomic
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().destroy(request, *args, **kwargs)  # type: ignore[misc,no-any-return]

    def _versioned(self, response: Response) -> Response:
        if self.found is not None:
            response.version = version_of(self.found)  # type: ignore[attr-defined]  # for the middleware
        return response


def version_of(row: Any) -> str:
    """Return the version of an object, its updated_at; bookkeeping does not change it."""
    return f"{row.updated_at.timestamp() * 1_000_000:.0f}"


def _has_version(wanted: str, version: str) -> bool:
    # Compression makes an ETag weak (W/), but does not change the version inside it.
    tags = [tag.removeprefix("W/").strip('"') for tag in parse_etags(wanted)]
    return tags == ["*"] or any(tag.partition(".")[0] == version for tag in tags)


def _matches(given: str | None, etag: str) -> bool:
    if not given:
        return False
    return given.strip() == "*" or any(tag.removeprefix("W/") == etag for tag in parse_etags(given))


def _not_modified(response: HttpResponse) -> HttpResponse:
    answer = HttpResponseNotModified()
    answer.headers.pop("Content-Type", None)
    for name in _KEPT:
        if name in response.headers:
            answer.headers[name] = response.headers[name]
    return answer
