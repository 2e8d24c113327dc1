from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.access.visibility import visible_to
from chm_project.api.pagination import Key, Keyset, keyset
from chm_project.api.viewsets import ApiViewSet, find
from inventory.models import Client, Pipeline
from runs.api.filters import Order, PipelineRunFilter, RunFilter
from runs.api.serializers import ClientSummarySerializer, ManualRunSerializer, RunSerializer, WindowSerializer
from runs.latest import latest_run
from runs.models import BEGINNING, FINISHED, STARTED, Run, RunQuerySet
from runs.services import RunExists, insert_run
from runs.summary import summarize_client

LATEST_FIRST = keyset(
    Key("started_at", STARTED, BEGINNING), Key("finished_at", FINISHED, BEGINNING), "id", descending=True
)


@extend_schema_view(
    list=extend_schema(summary="List runs across pipelines, newest event first"),
    retrieve=extend_schema(summary="Read a run"),
)
class RunViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    queryset = Run.objects.all()
    serializer_class = RunSerializer
    filterset_class = RunFilter
    keyset = keyset("event_at", "id", descending=True)
    lookup_url_kwarg = "run_id"
    client_path, pipeline_path = "pipeline__client_id", "pipeline_id"


@extend_schema_view(list=extend_schema(summary="List a pipeline's runs, latest first"))
class PipelineRunViewSet(mixins.ListModelMixin, ApiViewSet):
    queryset = Run.objects.all()
    serializer_class = RunSerializer
    filterset_class = PipelineRunFilter
    client_path, pipeline_path = "pipeline__client_id", "pipeline_id"

    def get_keyset(self) -> Keyset:
        earliest_first = self.request.query_params.get("order") == Order.ASC
        return LATEST_FIRST.reversed() if earliest_first else LATEST_FIRST

    def get_queryset(self) -> RunQuerySet:
        runs: RunQuerySet = super().get_queryset().filter(pipeline_id=self.kwargs["pipeline_id"])
        return runs

    def get_pipeline(self) -> Pipeline:
        pipelines = visible_to(self.request, Pipeline.objects.all(), client="client_id", pipeline="id")
        return find(pipelines, self.kwargs["pipeline_id"])

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.get_pipeline()
        return super().list(request, *args, **kwargs)

    @extend_schema(summary="Record a manual run", request=ManualRunSerializer, responses={201: RunSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Inserts only: an external_run_id that the pipeline has already is refused."""
        pipeline = self.get_pipeline()
        serializer = ManualRunSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        given = {"external_run_id": None} | serializer.validated_data
        try:
            run_id = insert_run(pipeline_id=pipeline.pk, **given)
        except RunExists as error:
            message = "This pipeline has a run with this external_run_id already."
            raise ValidationError({"external_run_id": [message]}) from error
        return Response(RunSerializer(Run.objects.get(pk=run_id)).data, status=201)

    @extend_schema(summary="Read a pipeline's latest run", filters=False)
    def latest(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """By started_at, then finished_at, nulls last, then the younger row."""
        if (run := latest_run(self.get_queryset())) is None:
            raise NotFound(f"The pipeline {self.get_pipeline().name} has no runs.")
        return Response(self.get_serializer(run).data)


class ClientSummaryViewSet(ApiViewSet):
    queryset = Run.objects.all()
    serializer_class = ClientSummarySerializer
    client_path, pipeline_path = "pipeline__client_id", "pipeline_id"

    def known_parameters(self) -> Iterable[str]:
        return ("since", "until")

    @extend_schema(summary="Summarise a client's runs in a window", parameters=[WindowSerializer])
    def summary(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Status counts, and each pipeline's latest run, of the runs that started in [since, until)."""
        clients = visible_to(request, Client.objects.all(), client="id", pipeline=None)
        client = find(clients, self.kwargs["client_id"])
        window = WindowSerializer(data=request.query_params)
        window.is_valid(raise_exception=True)
        summary = summarize_client(client_id=client.pk, **window.validated_data)
        return Response(self.get_serializer(summary).data)
