"""GET /api/v1/handover, and the Atom feed of incidents at /feed/{key}."""

import re
from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.feedgenerator import Atom1Feed
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_safe
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.access.services import find_feed_key
from chm_project.access.visibility import visibility_of
from chm_project.api.fields import TimeField
from chm_project.api.viewsets import StrictView
from chm_project.console.drawing.text_format import first_line
from chm_project.handover.markdown import handover_as_markdown, incident_summary
from chm_project.handover.report import MAX_CHANGES, MAX_SHIFT, read_handover
from runs.reporting.run_shapes import run_shape

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
DEFAULT_SHIFT = timedelta(hours=12)


class MarkdownRenderer(BaseRenderer):
    media_type = "text/markdown"
    format = "md"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return str(data).encode()


class HandoverWindowSerializer(serializers.Serializer[Any]):
    since = TimeField(required=False, help_text="When the shift began, at most 31 days ago. Default: 12 hours ago.")
    client_id = serializers.UUIDField(required=False, help_text="Only this client.")


def _rows(help_text: str) -> serializers.Field[Any, Any, Any, Any]:
    return serializers.ListField(child=serializers.DictField(), help_text=help_text)


class HandoverSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField(help_text="When the shift began.")
    until = serializers.DateTimeField(help_text="When the report was made.")
    incidents = _rows(
        "Incidents that began in the shift: rows of the report `incidents`, with `ended_at` (null if not ended)."
    )
    recovered = _rows("Pipelines that recovered in the shift: rows of the report `changes_since_yesterday`.")
    failing = _rows("Failing pipelines: rows of the report `failing_now`, new failures before known ones.")
    late = _rows("Late pipelines: rows of the report `late_pipelines`.")
    sources_dark = _rows("Sources that are overdue or failing: rows of the report `ingestion_health`.")
    changes = _rows(
        f"The newest {MAX_CHANGES} changes to clients, pipelines and alert rules, with `changed_at`, `object_id`, "
        "`kind`, `name` and `change`."
    )
    change_count = serializers.IntegerField(help_text="How many changes the shift has.")


class HandoverView(StrictView):
    permission = "runs.view_run"
    renderer_classes = (JSONRenderer, MarkdownRenderer)

    def known_parameters(self) -> Iterable[str]:
        return ("since", "client_id")

    @extend_schema(
        operation_id="handover",
        summary="Summarize a shift for the next shift",
        parameters=[HandoverWindowSerializer],
        responses={
            (200, "application/json"): HandoverSerializer,
            (200, "text/markdown"): OpenApiResponse(
                {"type": "string"}, "The report as text, to paste into a chat or to print."
            ),
        },
    )
    def get(self, request: Request) -> Response:
        """Return what happened in the shift, and the state now.

        The parts are: new incidents, recovered pipelines, failing pipelines, late pipelines, sources that are overdue
        or failing, and changes to clients, pipelines and alert rules.
        """
        window = HandoverWindowSerializer(data=request.query_params)
        window.is_valid(raise_exception=True)
        now = timezone.now()
        since = window.validated_data.get("since") or now - DEFAULT_SHIFT
        if not now - MAX_SHIFT <= since < now:
            raise ValidationError({"since": [f"Give a time in the last {MAX_SHIFT.days} days."]})
        clients = _visible_clients(request, window.validated_data.get("client_id"))
        report = read_handover(since=since, until=now, client_ids=clients)
        if getattr(request.accepted_renderer, "format", "") == MarkdownRenderer.format:
            return Response(handover_as_markdown(report))
        return Response(asdict(report))


def _visible_clients(request: Request, client_id: UUID | None) -> frozenset[UUID] | None:
    """Return the ids of the clients in the report: the requested client, or else all clients that the caller may see.

    None means all clients.
    """
    visibility = visibility_of(request)
    if visibility.pipeline is not None:
        raise PermissionDenied(
            "This token is bound to one pipeline, but a handover is about whole clients. Use another token."
        )
    if client_id is None:
        return visibility.clients
    if not visibility.sees_client(client_id):
        raise NotFound
    return frozenset({client_id})


def _without_controls(text: str) -> str:
    """Return the text without control characters, which XML does not allow."""
    return _CONTROL_CHARACTERS.sub("", text)


@require_safe
@sensitive_variables()
def incident_feed(request: HttpRequest, key: str) -> HttpResponse:  # noqa: ARG001 - masked by PathKeyMiddleware
    """Return the current incidents as an Atom feed. If the key is bound to a client, return only its incidents."""
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        return HttpResponse("Use https. This key was sent unencrypted, so replace it.", status=403)
    token = find_feed_key(getattr(request, "path_key", ""))
    if token is None:
        return HttpResponse("not found", status=404, content_type="text/plain; charset=utf-8")
    board_url = request.build_absolute_uri(reverse("admin:index"))
    feed = Atom1Feed(
        title="CHM: incidents", link=board_url, description="", author_name="CHM",
        feed_guid=f"urn:chm:incidents:{token.client_id or 'all'}",
    )  # fmt: skip
    for row in sorted(run_shape("incidents", client_id=token.client_id), key=lambda row: row["until"], reverse=True):
        summary = incident_summary(row)
        run_url = request.build_absolute_uri(reverse("admin:runs_run_change", args=[row["run_id"]]))
        feed.add_item(
            title=_without_controls(f"{summary}: {first_line(row['error_message']) or 'no error text'}"),
            link=run_url, description=_without_controls(summary),
            unique_id=f"urn:chm:incident:{row['incident']}:{row['since']:%Y%m%dT%H%M%SZ}",
            pubdate=row["since"], updateddate=row["until"],
        )  # fmt: skip
    response = HttpResponse(feed.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")
    response["Cache-Control"] = "private, no-cache"
    return response
