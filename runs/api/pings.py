"""The endpoint /ping/{key} for curl and Healthchecks clients. Responses, including errors, are plain text."""

from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import TextField, UUIDField
from django.http import HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import APIException, NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView
from uuid_utils.compat import uuid7

from chm_project.access.models import ApiToken
from chm_project.access.services import find_ping_key
from chm_project.api.throttling import throttle_invalid_credentials, throttle_token
from chm_project.db.hot_queries import HotQuery, QueryParameter
from runs.models import Run
from runs.push.pings import MAX_BODY_BYTES, MAX_BODY_CHARACTERS, Ping, PingKind, read_ping, run_event
from runs.run_querysets import newest_open_first
from runs.services import record_runs

_TEXT = "text/plain; charset=utf-8"


def _text_response(description: str, example: str) -> OpenApiResponse:
    return OpenApiResponse({"type": "string", "example": example}, description)


_SCHEMA: dict[str, Any] = {
    "auth": [],
    "parameters": [
        OpenApiParameter("key", str, OpenApiParameter.PATH, description="An ingest token bound to one pipeline."),
        OpenApiParameter(
            "rid",
            OpenApiTypes.UUID,
            description="A UUID that you choose. Pings with the same `rid` belong to the same run.",
        ),
    ],
    "responses": {
        (200, "text/plain"): _text_response(
            "CHM received the ping. A `log` ping is stored only if its run is open.", "OK"
        ),
        (400, "text/plain"): _text_response("`rid` is not a UUID.", "rid is not a UUID"),
        (403, "text/plain"): _text_response("The ping came over plain HTTP, in production.", "send pings over https"),
        (404, "text/plain"): _text_response("The key is not a ping key, or `sign` is unknown.", "not found"),
        (429, "text/plain"): _text_response(
            "Too many pings; Retry-After says when to try again.", "try again in 12 seconds"
        ),
        (500, "text/plain"): _text_response("An internal error, which was logged.", "something went wrong here"),
    },
}
# CHM reads a body of any content type as text. The contract declares this one type, because generated clients support
# it.
_BODY_SCHEMA = {"application/octet-stream": {"type": "string", "format": "binary"}}
# The contract calls the suffix `sign`.
_SUFFIX_PARAMETER = OpenApiParameter(
    "sign", {"type": "string", "pattern": "^(start|fail|log|[0-9]{1,3})$"}, OpenApiParameter.PATH,
    description="`start`, `fail`, `log`, or the exit status of the job: 0 is a success, and 1 to 255 are failures.",
)  # fmt: skip


class _PingBaseView(APIView):
    # Empty, because initial() authenticates and throttles by the key in the path.
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    # The methods that Healthchecks accepts for pings.
    http_method_names = ["get", "head", "post"]

    # The key is an argument of this method. The decorator removes it from error reports.
    @method_decorator(sensitive_variables())
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the key. This replaces authentication, permissions and content negotiation of REST framework.

        A request with a wrong key counts toward the limit of the sender's address. A request with a valid key counts
        toward the limit of the key.
        """
        if settings.SECURE_SSL_REDIRECT and not request.is_secure():
            # Do not redirect to https, because curl would report the redirect as a success.
            raise PermissionDenied("send pings over https; this key was sent unencrypted: replace it")
        # A middleware removed the key from the path, because logs and error pages show paths.
        if (token := find_ping_key(getattr(request, "path_key", ""))) is None:
            throttle_invalid_credentials(request)
            raise NotFound("not found")
        throttle_token(token)
        request.auth = token

    def _record(self, request: Request, suffix: str, body: bytes) -> HttpResponse:
        ping, rid = read_ping(suffix, body), _rid(request)
        if ping is None:
            raise NotFound("not found")
        assert isinstance(request.auth, ApiToken)  # noqa: S101  # initial() sets it
        pipeline_id = request.auth.pipeline_id
        assert pipeline_id is not None  # noqa: S101
        external_run_id = _external_run_id(ping, pipeline_id, rid)
        if external_run_id is not None:
            record_runs(
                [run_event(ping, pipeline_id=pipeline_id, external_run_id=external_run_id, received_at=timezone.now())]
            )
        return HttpResponse("OK", content_type=_TEXT, headers={"Ping-Body-Limit": str(MAX_BODY_CHARACTERS)})

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]  # text, not data
        response = super().handle_exception(exc)
        wait = response.headers.get("Retry-After")
        text = {405: "use GET, HEAD or POST", 429: f"try again in {wait} seconds"}.get(response.status_code)
        if text is None:
            detail: Any = exc.detail if isinstance(exc, APIException) else "something went wrong here"
            text = str(detail[0] if isinstance(detail, list) else detail)
        headers = {name: response.headers[name] for name in ("Retry-After", "Allow") if name in response.headers}
        return HttpResponse(text, status=response.status_code, content_type=_TEXT, headers=headers)


_SUFFIX_SCHEMA = _SCHEMA | {"parameters": [*_SCHEMA["parameters"], _SUFFIX_PARAMETER]}


class PingView(_PingBaseView):
    """Pings without a suffix: the job succeeded."""

    @extend_schema(operation_id="ping", summary="Report a success", **_SCHEMA)
    def get(self, request: Request, key: str) -> HttpResponse:
        """End the run with the id `rid`. Without `rid`, end the newest open run; if no run is open, store a new one."""
        return self._record(request, "", b"")

    @extend_schema(
        operation_id="ping_with_text", summary="Report a success with a text", request=_BODY_SCHEMA,
        **_SCHEMA,
    )  # fmt: skip
    def post(self, request: Request, key: str) -> HttpResponse:
        """Do the same as GET, and store the first 10,000 characters of the text."""
        return self._record(request, "", _body(request))


class PingWithSuffixView(_PingBaseView):
    """Pings with a suffix: a start, a failure, a log text or an exit status."""

    @extend_schema(operation_id="ping_sign", summary="Report a start, a failure or an exit status", **_SUFFIX_SCHEMA)
    def get(self, request: Request, key: str, sign: str) -> HttpResponse:
        """Start a run (`start`), end it (`fail` or an exit status), or add a text to it (`log`)."""
        return self._record(request, sign, b"")

    @extend_schema(
        operation_id="ping_sign_with_text", summary="Report a start, a failure or an exit status with a text",
        request=_BODY_SCHEMA, **_SUFFIX_SCHEMA,
    )  # fmt: skip
    def post(self, request: Request, key: str, sign: str) -> HttpResponse:
        """Do the same as GET, and store the first 10,000 characters of the text, as the error if the job failed."""
        return self._record(request, sign, _body(request))


def _body(request: Request) -> bytes:
    return request._request.read(MAX_BODY_BYTES)


def _rid(request: Request) -> str | None:
    rid = request.query_params.get("rid")
    if rid is None:
        return None
    try:
        return str(UUID(rid))
    except ValueError:
        raise ValidationError(["rid is not a UUID"]) from None


def _external_run_id(ping: Ping, pipeline_id: UUID, rid: str | None) -> str | None:
    """Return the external_run_id of the ping's run. `rid` is the query parameter.

    - A start: the rid, or a new id without rid.
    - An end with rid: the rid.
    - An end without rid: the newest open run, or a new id if no run is open.
    - A log: the newest open run; with rid, the open run with this id. None if there is none: the log is not stored.
    """
    if rid is not None and ping.kind is not PingKind.LOG:
        return rid
    if ping.ends_run or ping.kind is PingKind.LOG:
        row = _newest_open_query(rid is not None).first(pipeline_id=pipeline_id, external_run_id=rid)
        if row is not None or not ping.ends_run:
            return None if row is None else str(row[0])
    return f"ping-{uuid7()}"


# There are two queries, with and without a rid. Each one is compiled once per process.
@cache
def _newest_open_query(with_external_run_id: bool) -> HotQuery:
    runs = Run.objects.filter(pipeline_id=QueryParameter("pipeline_id", UUIDField()))
    if with_external_run_id:
        runs = runs.filter(external_run_id=QueryParameter("external_run_id", TextField()))
    return HotQuery.of(newest_open_first(runs).values_list("external_run_id")[:1])
