from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import APIException, NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.access.models import ApiToken, Scope
from chm_project.access.visibility import visible_to
from chm_project.api.idempotency import idempotent
from chm_project.api.viewsets import StrictView
from ingestion.api.serializers import SyncRequestSerializer, SyncStartedSerializer, SyncStateSerializer
from ingestion.api_sync_task import IngestionRequest, QueueUnavailable, start, state
from ingestion.connections import ConfigurationError
from inventory.models import Pipeline


class QueueDown(APIException):
    status_code = 500
    default_detail = "The queue of ingestion tasks cannot be reached. Try again; if it stays, tell an operator."


class SyncView(StrictView):
    permission = "access.run_ingestion"
    required_scope = Scope.INGEST

    @extend_schema(
        operation_id="ingestion_sync_start",
        summary="Start an ingestion",
        request=SyncRequestSerializer,
        responses={202: SyncStartedSerializer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Of everything, or of one connection, client or pipeline. A worker does it; ask for its state by the id."""
        serializer = SyncRequestSerializer(data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        said = serializer.validated_data
        client, pipeline = said.get("client_id"), said.get("pipeline_id")
        wanted = IngestionRequest(
            connection=said.get("connection"),
            client_id=str(client.pk) if client else None,
            pipeline_id=str(pipeline.pk) if pipeline else None,
        )
        try:
            task_id = start(_within(request, wanted))
        except ConfigurationError as error:
            raise ValidationError({"connection": error.mistakes}) from None
        except QueueUnavailable:
            raise QueueDown from None
        location = request.build_absolute_uri(reverse("ingestion-sync-state", args=[task_id]))
        return Response({"task_id": task_id}, status=202, headers={"Location": location})


class SyncStateView(StrictView):
    permission = "access.run_ingestion"
    required_scope = Scope.INGEST

    @extend_schema(
        operation_id="ingestion_sync_state",
        summary="Read how an ingestion stands",
        description="Counts grow while the state is running. States are kept for a day.",
        responses=SyncStateSerializer,
    )
    def get(self, request: Request, task_id: Any) -> Response:
        try:
            found = state(task_id)
        except QueueUnavailable:
            raise QueueDown from None
        if found is None or not _may_see(request, found[0]):
            raise NotFound("No ingestion has this id; states are kept for a day.")
        return Response(SyncStateSerializer(found[1]).data)


def _within(request: Request, wanted: IngestionRequest) -> IngestionRequest:
    """What a bound token asks for is at most its own client or pipeline."""
    token = request.auth
    if not isinstance(token, ApiToken) or not token.is_bound:
        return wanted
    if token.pipeline_id is not None:
        if wanted.client_id is not None:
            raise PermissionDenied("This token is bound to one pipeline; ask for that.")
        return IngestionRequest(wanted.connection, None, str(token.pipeline_id))
    return IngestionRequest(wanted.connection, str(token.client_id), wanted.pipeline_id)


def _may_see(request: Request, wanted: IngestionRequest) -> bool:
    token = request.auth
    if not isinstance(token, ApiToken) or not token.is_bound:
        return True
    if wanted.pipeline_id is not None:
        pipelines = visible_to(request, Pipeline.objects.all(), client="client_id", pipeline="id")
        return pipelines.filter(pk=wanted.pipeline_id).exists()
    return token.client_id is not None and wanted.client_id == str(token.client_id)
