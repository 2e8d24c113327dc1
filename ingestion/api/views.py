from typing import Any
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import APIException, NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.access.models import Scope
from chm_project.access.visibility import Visibility, visibility_of
from chm_project.api.idempotency import idempotent
from chm_project.api.viewsets import StrictView
from ingestion.api.serializers import SyncRequestSerializer, SyncStartedSerializer, SyncStateSerializer
from ingestion.api_sync_task import IngestionRequest, NotIngested, QueueUnavailable, read_task_state, start_ingestion
from ingestion.connections import ConfigurationError
from inventory.models import Pipeline


class QueueUnavailableApiError(APIException):
    status_code = 500
    default_detail = "The queue of ingestion tasks cannot be reached. Try again. If that fails too, ask an operator."


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
        """Ingest all connections, or one connection, client or pipeline.

        A worker ingests in the background. Read the state with the returned `task_id`.
        """
        serializer = SyncRequestSerializer(data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        client, pipeline = data.get("client_id"), data.get("pipeline_id")
        ingestion = IngestionRequest(
            connection=data.get("connection"),
            client_id=str(client.pk) if client else None,
            pipeline_id=str(pipeline.pk) if pipeline else None,
        )
        try:
            task_id = start_ingestion(_limited_to_caller(request, ingestion))
        except NotIngested as error:
            raise ValidationError({"pipeline_id": error.mistakes}) from None
        except ConfigurationError as error:
            raise ValidationError({"connection": error.mistakes}) from None
        except QueueUnavailable:
            raise QueueUnavailableApiError from None
        location = request.build_absolute_uri(reverse("ingestion-sync-state", args=[task_id]))
        return Response({"task_id": task_id}, status=202, headers={"Location": location})


class SyncStateView(StrictView):
    permission = "access.run_ingestion"
    required_scope = Scope.INGEST

    @extend_schema(
        operation_id="ingestion_sync_state",
        summary="Read the state of an ingestion",
        description="Counts grow while the state is `running`. The state is available for a day.",
        responses=SyncStateSerializer,
    )
    def get(self, request: Request, task_id: Any) -> Response:
        try:
            request_and_state = read_task_state(task_id)
        except QueueUnavailable:
            raise QueueUnavailableApiError from None
        if request_and_state is None or not may_see(visibility_of(request), request_and_state[0]):
            raise NotFound("No ingestion has this id. A state is available for a day.")
        return Response(SyncStateSerializer(request_and_state[1]).data)


def _limited_to_caller(request: Request, ingestion: IngestionRequest) -> IngestionRequest:
    """Return the ingestion, limited to the clients or the pipeline that the caller may see.

    The serializer has already checked the ids of the ingestion.
    """
    visibility = visibility_of(request)
    if visibility.pipeline is not None:
        if ingestion.client_id is not None:
            raise PermissionDenied("This token is bound to one pipeline. Send its pipeline_id, or no id.")
        return IngestionRequest(ingestion.connection, None, str(visibility.pipeline))
    if visibility.clients is None:
        return ingestion
    if len(visibility.clients) == 1:
        return IngestionRequest(ingestion.connection, str(next(iter(visibility.clients))), ingestion.pipeline_id)
    if ingestion.client_id is None and ingestion.pipeline_id is None:
        raise PermissionDenied(
            "Your account is bound to some clients. Send the client_id of one of them, or a pipeline_id."
        )
    return ingestion


def may_see(visibility: Visibility, ingestion: IngestionRequest) -> bool:
    """Return whether the caller may read the state of this ingestion."""
    if ingestion.pipeline_id is not None and visibility.is_bound:
        pipelines = visibility.restrict(Pipeline.objects.all(), client_lookup="client_id", pipeline_lookup="id")
        return pipelines.filter(pk=ingestion.pipeline_id).exists()
    return visibility.sees_client(UUID(ingestion.client_id) if ingestion.client_id else None)
