"""Views of clients and pipelines in the API."""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin.models import CHANGE
from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from chm_project.access.visibility import refuse_bound_callers, visible_to
from chm_project.api.conditional import VersionedObjects
from chm_project.api.csv import CsvListMixin
from chm_project.api.history import LoggedChanges, log_change
from chm_project.api.idempotency import idempotent
from chm_project.api.pagination import keyset, keysets_by_ordering
from chm_project.api.viewsets import ApiViewSet, find_or_404
from inventory.api.filters import ClientFilter, ClientPipelineFilter, PipelineFilter
from inventory.api.serializers import ClientSerializer, PipelineSerializer, PipelineUpdateSerializer
from inventory.models import Client, Pipeline
from inventory.services import disable_client, disable_pipeline

ACTIVE_INVENTORY_DESCRIPTION = (
    "By default, only active clients and their active pipelines are listed. `include_inactive=true` also lists "
    "disabled ones, and `is_active=false` lists only disabled ones."
)
PARTIAL_UPDATE_DESCRIPTION = "Only the fields that are sent are changed."


class InventoryViewSet(
    VersionedObjects,
    LoggedChanges,
    CsvListMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    ApiViewSet,
):
    keyset = keyset("name", "id")
    orderings = keysets_by_ordering("name", "created_at", "updated_at")
    # DELETE only disables the object, so the permission to change the object is enough.
    method_permissions = {"DELETE": "change"}


@extend_schema_view(
    create=extend_schema(
        summary="Create a client", description="The name must be unique, also among disabled clients."
    ),
    list=extend_schema(summary="List clients by name", description=ACTIVE_INVENTORY_DESCRIPTION),
    retrieve=extend_schema(summary="Read a client", description="Disabled clients are returned too."),
    partial_update=extend_schema(summary="Change a client", description=PARTIAL_UPDATE_DESCRIPTION),
    destroy=extend_schema(
        summary="Disable a client; its history stays",
        description="Removes the client and its pipelines from the active inventory. "
        "Set `is_active` to true to restore them.",
    ),
)
class ClientViewSet(InventoryViewSet):
    queryset = Client.objects.all()
    serializer_class = ClientSerializer
    filterset_class = ClientFilter
    lookup_url_kwarg = "client_id"
    location_route = "client"
    # None: a token that is bound to a pipeline sees no clients.
    client_lookup, pipeline_lookup = "id", None

    @idempotent
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        refuse_bound_callers(request)
        return super().create(request, *args, **kwargs)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the client. Bound callers cannot change its name: an error for a taken name would reveal a client."""
        if isinstance(request.data, Mapping) and "name" in request.data:
            # Check for 404 before 403, so that the response for an invisible client is the same as for an unknown id.
            get_object_or_404(self.get_queryset(), pk=self.kwargs["client_id"])
            refuse_bound_callers(request)
        return super().partial_update(request, *args, **kwargs)

    @transaction.atomic
    def perform_destroy(self, instance: Any) -> None:
        if disable_client(client=instance):
            log_change(self.request, instance, CHANGE, ["is_active"])


@extend_schema_view(
    list=extend_schema(summary="List pipelines by name", description=ACTIVE_INVENTORY_DESCRIPTION),
    retrieve=extend_schema(summary="Read a pipeline", description="Disabled pipelines are returned too."),
    partial_update=extend_schema(
        summary="Change a pipeline",
        description=f"{PARTIAL_UPDATE_DESCRIPTION} "
        "Another `client_id` moves the pipeline and its history to that client.",
        responses=PipelineSerializer,
    ),
    destroy=extend_schema(
        summary="Disable a pipeline; its history stays",
        description="Removes the pipeline from the active inventory. Set `is_active` to true to restore it.",
    ),
)
class PipelineViewSet(InventoryViewSet):
    queryset = Pipeline.objects.all()
    serializer_class = PipelineSerializer
    filterset_class = PipelineFilter
    lookup_url_kwarg = "pipeline_id"
    location_route = "pipeline"
    client_lookup, pipeline_lookup = "client_id", "id"

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return PipelineUpdateSerializer if self.action == "partial_update" else PipelineSerializer

    @transaction.atomic
    def perform_destroy(self, instance: Any) -> None:
        if disable_pipeline(pipeline=instance):
            log_change(self.request, instance, CHANGE, ["is_active"])


@extend_schema_view(
    create=extend_schema(
        summary="Create a pipeline of a client",
        description="The name must be unique within the client. The external_id must be unique within the client and "
        "platform.",
    ),
    list=extend_schema(summary="List a client's pipelines by name", description=ACTIVE_INVENTORY_DESCRIPTION),
)
class ClientPipelineViewSet(PipelineViewSet):
    filterset_class = ClientPipelineFilter

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        clients = visible_to(request, Client.objects.all(), client_lookup="id", pipeline_lookup=None)
        self.client = find_or_404(clients, kwargs["client_id"])

    def get_queryset(self) -> QuerySet[Pipeline]:
        pipelines: QuerySet[Pipeline] = super().get_queryset().filter(client=self.client)
        return pipelines

    @idempotent
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().create(request, *args, **kwargs)

    def save_new(self, serializer: BaseSerializer[Any]) -> None:
        serializer.save(client=self.client)
