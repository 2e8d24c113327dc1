"""The endpoints /ready and /metrics. Only the status of /ready is public. All else needs a read token or a session.

/metrics also accepts the token in the file of CHM_METRICS_TOKEN_FILE.
"""

import hmac
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_serializer
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.access.authentication import TokenAuthentication
from chm_project.access.permissions import ScopedPermission
from chm_project.access.visibility import refuse_bound_callers
from chm_project.api.viewsets import StrictView
from chm_project.operations.collector import Collector
from chm_project.operations.installation_state import NO_DATABASE, Readiness, can_serve, readiness


# Without a token or a session, the response contains only the status.
@extend_schema_serializer(
    extensions={
        "x-optional": [
            "problems",
            "stale_pipelines",
            "replica_lag_seconds",
            "replica_max_lag_seconds",
            "replica_is_read",
        ]
    }
)
class ReadinessSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["ok", "unavailable"], help_text="`ok` if every check succeeded.")
    problems = serializers.DictField(
        child=serializers.CharField(),
        required=False,
        help_text="Problems by part (database, broker, beat). Only with a token or a session.",
    )
    stale_pipelines = serializers.IntegerField(
        required=False,
        help_text="Number of pipelines whose ingestion is overdue; null if the database is down. Only with a token or "
        "a session.",
        allow_null=True,
    )
    replica_lag_seconds = serializers.FloatField(
        required=False,
        help_text="By how many seconds the replica lags behind the database; null if the replica does not answer or "
        "none is configured. Only with a token or a session.",
        allow_null=True,
    )
    replica_max_lag_seconds = serializers.IntegerField(
        required=False,
        help_text="CHM reads the replica up to this lag in seconds (setting CHM_REPLICA_MAX_LAG_SECONDS); null if no "
        "replica is configured. Only with a token or a session.",
        allow_null=True,
    )
    replica_is_read = serializers.BooleanField(
        required=False,
        help_text="Whether reports and pages of the console read the replica now; null if none is configured. Only "
        "with a token or a session.",
        allow_null=True,
    )


class ReadyPermission(ScopedPermission):
    """Allow requests without credentials, which get only the status. A user or token needs the view's permission."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return not request.user.is_authenticated or super().has_permission(request, view)


class ReadyView(StrictView):
    renderer_classes = (JSONRenderer,)
    permission_classes = (ReadyPermission,)
    throttle_classes = ()
    permission = "runs.view_run"

    @extend_schema(
        operation_id="ready",
        summary="Check that the installation can work",
        responses={200: ReadinessSerializer, 503: ReadinessSerializer},
    )
    def get(self, request: Request) -> Response:
        """A request without a token or a session gets only `status`: whether the database answers and is migrated.

        With one of them, CHM also checks the broker and beat, and counts the pipelines whose ingestion is overdue. An
        overdue ingestion does not change `status`.
        """
        if not request.user.is_authenticated:
            is_ready = can_serve()
            return Response({"status": "ok" if is_ready else "unavailable"}, status=200 if is_ready else 503)
        refuse_bound_callers(request)
        return self._respond(readiness())

    def handle_exception(self, exc: Exception) -> Response:
        """Answer without details if the database is down, because then CHM cannot authenticate the caller."""
        return self._respond(NO_DATABASE) if isinstance(exc, DatabaseError) else super().handle_exception(exc)

    def _respond(self, state: Readiness) -> Response:
        status = "unavailable" if state.problems else "ok"
        body: dict[str, Any] = {
            "status": status,
            "problems": state.problems,
            "stale_pipelines": state.stale_pipeline_count,
        }
        replica = state.replica
        body["replica_lag_seconds"] = replica and replica.lag_seconds
        body["replica_max_lag_seconds"] = replica and replica.max_lag_seconds
        body["replica_is_read"] = replica and replica.is_read
        return Response(body, status=503 if state.problems else 200)


class PlainTextRenderer(BaseRenderer):
    media_type = "text/plain"
    format = "txt"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return str(data).encode()


class ScraperAuthentication(BaseAuthentication):
    """Accept the token of CHM_METRICS_TOKEN_FILE, also while the database is down. Only /metrics uses this class."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser | AnonymousUser, str] | None:
        scheme, _, sent_token = get_authorization_header(request).partition(b" ")
        expected_token = metrics_token().encode()
        if (
            scheme.lower() != b"bearer"
            or not expected_token
            or not hmac.compare_digest(sent_token.strip(), expected_token)
        ):
            return None
        return AnonymousUser(), SCRAPER

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="CHM"'


SCRAPER = "scraper"


def metrics_token() -> str:
    """Return the token in the file of CHM_METRICS_TOKEN_FILE; "" if the setting is empty or the file cannot be read.

    Read the file at each scrape, so that a new token needs no restart.
    """
    if not settings.CHM_METRICS_TOKEN_FILE:
        return ""
    try:
        return Path(settings.CHM_METRICS_TOKEN_FILE).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


class MetricsPermission(ScopedPermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return request.auth == SCRAPER or super().has_permission(request, view)


class MetricsView(StrictView):
    authentication_classes = (ScraperAuthentication, TokenAuthentication, SessionAuthentication)
    permission_classes = (MetricsPermission,)
    renderer_classes = (PlainTextRenderer, JSONRenderer)
    permission = "runs.view_run"

    @extend_schema(
        operation_id="metrics",
        summary="Read metrics in Prometheus' text format",
        responses={(200, "text/plain"): OpenApiResponse({"type": "string"}, "One line per sample.")},
    )
    def get(self, request: Request) -> HttpResponse:
        """Return the metrics of the whole machine. Every web process returns the same values."""
        refuse_bound_callers(request)
        registry = CollectorRegistry()
        registry.register(Collector())
        return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
