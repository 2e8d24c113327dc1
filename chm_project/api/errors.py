"""The format of every error: {"error": {"code", "message", "details": [{"field", "issue"}], "request_id"}}."""

import logging
import sys
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core import exceptions as django_exceptions
from django.core.signals import got_request_exception
from django.db import IntegrityError
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import exception_handler as framework_handler

from chm_project.api.error_codes import BY_STATUS
from chm_project.api.error_pages import error_page
from chm_project.api.problem_details import MEDIA_TYPE, ProblemRenderer, problem, wants_problem
from chm_project.db.constraint_errors import violated_constraint_messages
from chm_project.db.error_responses import DatabaseErrorResponse, error_response_for
from chm_project.telemetry.context import current_request_id

logger = logging.getLogger("django.request")

API_ROOT = "/api/v1"
# The field name in errors about the whole body.
BODY = "body"
INTERNAL_ERROR = "An internal error occurred and was logged. Try again. If it happens again, ask an administrator."
NOT_FOUND = "Nothing is here: check the address and the id. A bound token sees only its own client or pipeline."


class DatabaseRefusal(exceptions.APIException):
    """The database is down, busy or too slow. The client may send the request again."""

    def __init__(self, database_error: DatabaseErrorResponse) -> None:
        super().__init__(database_error.message)
        self.status_code, self.wait = database_error.status, database_error.retry_after


class Busy(exceptions.APIException):
    """Too many requests of this kind are running."""

    status_code = 503
    wait = 5


def envelope(status: int, message: str, details: list[dict[str, str]] | None = None) -> dict[str, Any]:
    code = (BY_STATUS.get(status) or BY_STATUS[400 if status < 500 else 500]).code
    error = {"code": code, "message": printable(message), "details": details or []}
    return {"error": error | {"request_id": current_request_id()}}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """Return the response for an exception in a view. Its format does not depend on the setting DEBUG."""
    view, request = context["view"], context["request"]
    translated = as_api_exception(error)
    response = framework_handler(translated, context) if translated is not None else None
    if translated is None or response is None:
        logger.error("Internal error: %s %s", request.method, request.path, exc_info=error)
        # Error trackers listen to this signal. Django does not send it for an exception that this function handles.
        got_request_exception.send(sender=type(view), request=request)
        response = Response(envelope(500, INTERNAL_ERROR), status=500)
    elif isinstance(translated, exceptions.ValidationError):
        details = list(flat_details(translated.detail))
        response.data = envelope(400, _summary(details), details)
    else:
        message = _message(translated, view, request)
        details = [{"field": BODY, "issue": message}] if isinstance(translated, exceptions.ParseError) else []
        response.data = envelope(response.status_code, message, details)
    if wants_problem(request.headers.get("Accept", "")):
        response.data = problem(response.data, status=response.status_code, instance=request.path)
        request.accepted_renderer, request.accepted_media_type = ProblemRenderer(), MEDIA_TYPE
    # Other renderers, such as those for CSV and for the schema, cannot render an error.
    elif getattr(getattr(request, "accepted_renderer", None), "format", None) not in {"json", "api"}:
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
    return response


def as_api_exception(error: Exception) -> exceptions.APIException | None:
    """Return the matching APIException, or None for an unexpected error."""
    match error:
        case exceptions.APIException():
            return error
        case Http404():
            return exceptions.NotFound(NOT_FOUND)
        case django_exceptions.PermissionDenied():
            return exceptions.PermissionDenied()
        case ProtectedError() | RestrictedError():
            return exceptions.ValidationError({BODY: ["Other objects refer to this one. Disable it instead."]})
        case django_exceptions.ValidationError():
            return exceptions.ValidationError(
                error.message_dict if hasattr(error, "error_dict") else {BODY: error.messages}
            )
        case django_exceptions.RequestDataTooBig():
            return exceptions.ParseError(f"it is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes")
        case django_exceptions.SuspiciousOperation():
            return exceptions.ParseError("it is too large or malformed")
        case IntegrityError():
            details = violated_constraint_messages(error)
            return exceptions.ValidationError(details) if details else None
    database_error = error_response_for(error)
    return DatabaseRefusal(database_error) if database_error else None


def flat_details(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Yield the field and the issue of each error in REST framework's nested details. Dots join nested fields."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            part = "" if key == "non_field_errors" else str(key)
            yield from flat_details(value, f"{path}.{part}" if path and part else path or part)
    elif isinstance(detail, list):
        for position, value in enumerate(detail):
            nested = isinstance(value, Mapping | list)
            yield from flat_details(value, f"{path}.{position}" if nested and path else path)
    else:
        yield {"field": printable(path or BODY), "issue": printable(str(detail))}


def printable(text: str) -> str:
    """Return the text, shortened and without lone surrogates, which UTF-8 cannot represent."""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= 500 else text[:499] + "…"


def _summary(details: list[dict[str, str]]) -> str:
    if len(details) == 1:
        return f"{details[0]['field']}: {details[0]['issue']}"
    fields = ", ".join(dict.fromkeys(detail["field"] for detail in details))
    return f"Correct these and send the request again: {fields}."


def _message(error: exceptions.APIException, view: Any, request: Any) -> str:
    match error:
        case exceptions.ParseError():
            return f"The body cannot be read: {error.detail}."
        case exceptions.NotAuthenticated():
            return "Log in, or send an API token: `Authorization: Bearer TOKEN`."
        case exceptions.MethodNotAllowed():
            return f"{request.method} is not possible here; use one of: {', '.join(view.allowed_methods)}."
        case exceptions.NotAcceptable():
            return "This address returns JSON: send `Accept: application/json`, or no Accept header."
        case exceptions.UnsupportedMediaType():
            return "Send JSON, with the header `Content-Type: application/json`."
        case exceptions.Throttled():
            return f"Too many requests; try again in {getattr(error, 'wait', None) or 1:.0f} seconds."
    return str(error.detail)


def _api_error_response(request: HttpRequest, status: int, message: str) -> JsonResponse | None:
    """Return a JSON error for an error outside the views, such as a refused host; None for paths outside the API."""
    if request.path != API_ROOT and not request.path.startswith(f"{API_ROOT}/"):
        return None
    body = envelope(status, message)
    if wants_problem(request.headers.get("Accept", "")):
        body = problem(body, status=status, instance=request.path)
        return JsonResponse(body, status=status, content_type=MEDIA_TYPE)
    return JsonResponse(body, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django passes both
    message = f"{HTTPStatus.BAD_REQUEST.phrase}: check the address and the headers."
    return _api_error_response(request, 400, message) or error_page(400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django passes both
    return _api_error_response(request, 403, "This is not allowed.") or error_page(403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django passes both
    return _api_error_response(request, 404, NOT_FOUND) or error_page(404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 or 504 if the database caused the error, else 500.

    Errors before the view arrive here too, for example if the session cannot be read from the database.
    """
    error = sys.exc_info()[1]
    if error is not None and (database_error := error_response_for(error)) is not None:
        return unavailable(request, database_error)
    return _api_error_response(request, 500, INTERNAL_ERROR) or error_page(500)


def unavailable(request: HttpRequest, database_error: DatabaseErrorResponse) -> HttpResponse:
    """Answer with the status of the error, as a JSON error or as a page that needs neither database nor session."""
    answer = _api_error_response(request, database_error.status, database_error.message) or error_page(
        database_error.status, database_error.message, link=("", "Try again")
    )
    answer.headers["Retry-After"] = str(database_error.retry_after)
    return answer
