from collections.abc import Iterable
from datetime import date
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Func, OuterRef, QuerySet, UUIDField
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.access.models import Scope
from chm_project.access.visibility import bound_client, visible_to
from chm_project.api.csv import CsvList
from chm_project.api.deprecation import Deprecation
from chm_project.api.errors import faults
from chm_project.api.filters import listed
from chm_project.api.idempotency import idempotent
from chm_project.api.pagination import Key, Keyset, keyset
from chm_project.api.viewsets import ORDERING, ApiViewSet, find
from inventory.models import Client, Pipeline
from runs.api.filters import Order, PipelineRunFilter, RunFilter
from runs.api.serializers import (
    MAX_BATCH,
    BatchAnswerSerializer,
    BatchedRunSerializer,
    BatchSerializer,
    ClientSummarySerializer,
    ManualRunSerializer,
    PushedRunSerializer,
    RunSerializer,
    WindowSerializer,
)
from runs.events import Kind, Rejected, RunEvent
from runs.latest import latest_run
from runs.models import BEGINNING, FINISHED, STARTED, Run, RunQuerySet
from runs.services import Outcome, Result, RunExists, RunPruned, insert_run, record_runs
from runs.summary import summarize_client

LATEST_FIRST = keyset(
    Key("started_at", STARTED, BEGINNING), Key("finished_at", FINISHED, BEGINNING), "id", descending=True
)
NEWEST_EVENT_FIRST = keyset("event_at", "id", descending=True)
BY_EVENT = {"-event_at": NEWEST_EVENT_FIRST, "event_at": NEWEST_EVENT_FIRST.reversed()}


@extend_schema_view(
    list=extend_schema(
        summary="List runs across pipelines, newest event first",
        description="since and until are on event_at: when a run finished, else started, else was stored. For a window "
        "on started_at list the runs of one pipeline.",
    ),
    retrieve=extend_schema(summary="Read a run", description="By its id in CHM."),
)
class RunViewSet(CsvList, mixins.RetrieveModelMixin, ApiViewSet):
    queryset = Run.objects.with_source_url().with_stored_bytes()
    row_bytes = staticmethod(attrgetter("stored_bytes"))
    serializer_class = RunSerializer
    filterset_class = RunFilter
    keyset = NEWEST_EVENT_FIRST
    orderings = BY_EVENT
    lookup_url_kwarg = "run_id"
    client_path, pipeline_path = "pipeline__client_id", "pipeline_id"

    def take(self, rows: QuerySet[Run], number: int) -> QuerySet[Run]:
        """One client's newest are among the newest of each of its pipelines: a few probes of runs_by_pipeline_event.

        Walking all runs until a page is full would cost the more, the less the client has of them.
        """
        pipelines = self._few_pipelines()
        if pipelines is None:
            return super().take(rows, number)
        newest = rows.filter(pipeline_id=OuterRef("pk")).values("pk")[:number]
        found = pipelines.order_by().values_list(
            Func(ArraySubquery(newest), function="unnest", output_field=UUIDField())
        )
        return self.get_keyset().sort(self.queryset.filter(pk__in=found))[:number]  # type: ignore[return-value]

    def _few_pipelines(self) -> QuerySet[Pipeline] | None:
        """Return the pipelines that the request is limited to; None where walking all runs, newest first, is faster:
        one pipeline has an index of its own, and failed runs of a month (`q`) have another."""
        given = self.request.query_params
        pipelines = listed(given.getlist("pipeline_id"))
        if "q" in given or len(pipelines) == 1:
            return None
        if pipelines:
            return Pipeline.objects.filter(pk__in=pipelines)
        if clients := listed(given.getlist("client_id")):
            return Pipeline.objects.filter(client_id__in=clients)
        client_id = bound_client(self.request)
        return Pipeline.objects.filter(client_id=client_id) if client_id is not None else None


PUSH: dict[str, Any] = {
    "request": PushedRunSerializer,
    "responses": {200: RunSerializer, 201: RunSerializer},
    "parameters": [
        OpenApiParameter(
            "CHM-Outcome",
            str,
            OpenApiParameter.HEADER,
            response=True,
            enum=[Outcome.CREATED.value, Outcome.UPDATED.value, Outcome.UNCHANGED.value, Outcome.STALE.value],
            description="What became of the write. unchanged: a replay; stale: older than what is stored.",
        )
    ],
    "filters": False,
}


@extend_schema_view(
    list=extend_schema(
        summary="List a pipeline's runs, latest first",
        description="since and until are on started_at, event_since and event_until on event_at: when a run finished, "
        "else started, else was stored.",
    )
)
class PipelineRunViewSet(CsvList, ApiViewSet):
    queryset = Run.objects.with_source_url().with_stored_bytes()
    row_bytes = staticmethod(attrgetter("stored_bytes"))
    serializer_class = RunSerializer
    filterset_class = PipelineRunFilter
    # Each has an index that begins with the pipeline.
    keyset = LATEST_FIRST
    orderings = {"-started_at": LATEST_FIRST, "started_at": LATEST_FIRST.reversed()} | BY_EVENT
    sparse_actions = ("list", "latest", "read")
    deprecated_parameters = {"order": Deprecation(since=date(2026, 11, 21), instead=ORDERING)}
    client_path, pipeline_path = "pipeline__client_id", "pipeline_id"
    method_permissions = {"PUT": "add"}

    @property
    def required_scope(self) -> str | None:  # type: ignore[override]  # one route both reads and pushes
        return Scope.INGEST if self.request.method == "PUT" else None

    def get_keyset(self) -> Keyset:
        order = self.request.query_params.get("order")
        if order is None:
            return super().get_keyset()
        if ORDERING in self.request.query_params:
            raise ValidationError({"order": [f"Give {ORDERING} or order, not both."]})
        return LATEST_FIRST.reversed() if order == Order.ASC else LATEST_FIRST

    def get_queryset(self) -> RunQuerySet:
        runs: RunQuerySet = super().get_queryset().filter(pipeline_id=self.kwargs["pipeline_id"])
        return runs

    def get_pipeline(self) -> Pipeline:
        pipelines = visible_to(self.request, Pipeline.objects.all(), client="client_id", pipeline="id")
        return find(pipelines, self.kwargs["pipeline_id"])

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        self.get_pipeline()
        return super().list(request, *args, **kwargs)

    @extend_schema(summary="Record a manual run", request=ManualRunSerializer, responses={201: RunSerializer})
    @idempotent
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
        except RunPruned as error:
            raise ValidationError({"started_at": [str(error)]}) from error
        body = RunSerializer(Run.objects.with_source_url().get(pk=run_id)).data
        return Response(body, status=201, headers=location(request, run_id))

    @extend_schema(summary="Read a pipeline's latest run", filters=False)
    def latest(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """By started_at, then finished_at, nulls last, then the younger row."""
        if (run := latest_run(self.get_queryset())) is None:
            raise NotFound(f"The pipeline {self.get_pipeline().name} has no runs.")
        return Response(self.get_serializer(run).data)

    @extend_schema(operation_id="pipelines_runs_retrieve", summary="Read a run by its source's own id", filters=False)
    def read(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """`external_run_id` is the whole rest of the path, slashes included. `latest` is the latest run instead: find a
        run whose own id is `latest` by the filter `external_run_id` of the pipeline's runs."""
        external_run_id = kwargs["external_run_id"]
        run = (
            self.get_queryset().filter(external_run_id=external_run_id).first() if "\0" not in external_run_id else None
        )
        if run is None:
            raise NotFound(f"The pipeline {self.get_pipeline().name} has no run with the id {external_run_id}.")
        return Response(self.get_serializer(run).data)

    @extend_schema(operation_id="pipelines_runs_push", summary="Push the state of a run", **PUSH)
    def push(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Idempotent: a program that is not sure whether it was heard sends it again. `external_run_id` is the whole
        rest of the path, slashes included; an id that a path cannot carry goes through the batch."""
        return self._push(request, kwargs["external_run_id"])

    @extend_schema(
        operation_id="pipelines_runs_push_latest",
        summary="Push the state of the run whose id is `latest`",
        description="As for any other id. Reading this address answers with the latest run instead.",
        **PUSH,
    )
    def push_latest(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._push(request, "latest")

    def _push(self, request: Request, external_run_id: str) -> Response:
        pipeline = self.get_pipeline()
        identity = {"external_run_id": external_run_id, "pipeline_id": str(pipeline.pk)}
        if not isinstance(request.data, dict):
            raise ValidationError("Give a JSON object.")
        if named := identity.keys() & request.data.keys():
            raise ValidationError({name: ["The path says this already; leave it out."] for name in named})
        serializer = BatchedRunSerializer(data={**request.data, **identity}, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        [result] = record_runs([pushed(serializer.validated_data)])
        return answer_of(request, result)


class RunBatchViewSet(ApiViewSet):
    queryset = Run.objects.with_source_url()
    serializer_class = BatchAnswerSerializer
    client_path, pipeline_path = "pipeline__client_id", "pipeline_id"
    required_scope = Scope.INGEST

    @extend_schema(
        operation_id="runs_batch",
        summary="Push the states of up to 1,000 runs",
        request=BatchSerializer,
        responses={200: BatchAnswerSerializer},
        filters=False,
    )
    def push(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Each item is judged on its own: a bad one is rejected, and the rest is stored."""
        items = self._items(request)
        ids = {item["pipeline_id"] for item in items if isinstance(item, dict) and is_uuid(item.get("pipeline_id"))}
        pipelines = visible_to(request, Pipeline.objects.all(), client="client_id", pipeline="id")
        known = set(pipelines.filter(pk__in=ids).values_list("pk", flat=True))
        events = [self._event(item, known) for item in items]
        answers = [
            {"index": index, "outcome": result.outcome.value}
            | ({"id": result.run_id} if result.error is None else {"error": result.error})
            for index, result in enumerate(record_runs(events))
        ]
        return Response(BatchAnswerSerializer({"items": answers}).data)

    def _items(self, request: Request) -> list[Any]:
        data = request.data
        if not isinstance(data, dict) or not isinstance(items := data.get("items"), list):
            raise ValidationError({"items": ["Give a list of runs."]})
        if unknown := data.keys() - {"items"}:
            raise ValidationError({name: ["Unknown field. Known here: items."] for name in unknown})
        if not 1 <= len(items) <= MAX_BATCH:
            raise ValidationError({"items": [f"Give 1 to {MAX_BATCH} runs; these are {len(items)}."]})
        return items

    def _event(self, item: Any, known: set[UUID]) -> RunEvent | Rejected:
        serializer = BatchedRunSerializer(data=item, context=self.get_serializer_context())
        if not serializer.is_valid():
            return Rejected("; ".join(f"{fault['field']}: {fault['issue']}" for fault in faults(serializer.errors)))
        if serializer.validated_data["pipeline_id"] not in known:
            return Rejected("pipeline_id: No pipeline has this id, or the token may not see it.")
        return pushed(serializer.validated_data)


def answer_of(request: Request, result: Result) -> Response:
    """Return the run as it now stands."""
    if result.run_id is None:
        field = "started_at" if result.outcome is Outcome.PRUNED else "external_run_id"
        raise ValidationError({field: [str(result.error)]})
    body = RunSerializer(Run.objects.with_source_url().get(pk=result.run_id)).data
    headers = {"CHM-Outcome": result.outcome.value}
    if result.outcome is not Outcome.CREATED:
        return Response(body, headers=headers)
    return Response(body, status=201, headers=headers | location(request, result.run_id))


def location(request: Request, run_id: UUID) -> dict[str, str]:
    return {"Location": request.build_absolute_uri(reverse("run", args=[run_id]))}


def pushed(said: dict[str, Any]) -> RunEvent:
    return RunEvent(at=said.pop("source_updated_at", None), kind=Kind.SNAPSHOT, **said)


def is_uuid(value: object) -> bool:
    try:
        UUID(value)  # type: ignore[arg-type]  # whatever it is
    except (TypeError, ValueError, AttributeError):
        return False
    return True


class ClientSummaryViewSet(ApiViewSet):
    queryset = Run.objects.with_source_url()
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
