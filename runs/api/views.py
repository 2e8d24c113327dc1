from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Func, OuterRef, QuerySet, UUIDField
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.access.models import Scope
from chm_project.access.visibility import UNBOUND, visibility_of, visible_to
from chm_project.api.csv import CsvListMixin
from chm_project.api.deprecation import Deprecation
from chm_project.api.errors import flat_details
from chm_project.api.filters import split_values
from chm_project.api.idempotency import idempotent
from chm_project.api.pagination import Fetch, Keyset, Position
from chm_project.api.viewsets import FIELDS, ORDERING, ApiViewSet, find_or_404, known_fields
from chm_project.db.hot_queries import EarlyRow
from inventory.models import Client, Pipeline
from runs.api.filters import Order, PipelineRunFilter, RunFilter
from runs.api.run_rows import (
    CLIENT_LOOKUP,
    EVENT_ORDERINGS,
    LATEST_EVENT_AT_FIRST,
    LATEST_FIRST,
    ORDERINGS,
    PIPELINE_LOOKUP,
    RUN_FIELDS,
    Row,
    early_latest_row,
    early_row_by_id,
    has_compiled_query,
    latest_row,
    page_fetch,
    read_rows,
    row_by_id,
    row_bytes,
)
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
    parse_window,
)
from runs.client_summary import summarize_client
from runs.events import Rejected, RunEvent, WriteKind
from runs.models import Run, RunQuerySet
from runs.services import Outcome, Result, RunExists, RunPruned, insert_run, record_runs

# A request with only these parameters can use a query that is compiled once per process. Other parameters need other
# queries.
_PAGE_PARAMETERS = frozenset({"limit", "cursor", ORDERING, FIELDS})


class RunRowsViewSet(CsvListMixin, ApiViewSet):
    """Base class of views that read runs as dictionaries. The serializer names and describes the fields."""

    serializer_class = RunSerializer
    row_bytes = staticmethod(row_bytes)
    client_lookup, pipeline_lookup = CLIENT_LOOKUP, PIPELINE_LOOKUP
    default_order: str

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        paginator: Any = self.paginator
        rows = paginator.paginate(self.get_fetch(), request, self)
        self.check_empty(rows)
        return self.as_csv(paginator.get_paginated_response(self.with_chosen_fields(rows)))

    def get_fetch(self) -> Fetch:
        """Return a function that reads a page. If the request has no filters, the function uses a compiled query."""
        chosen = self.request.query_params.get(ORDERING, self.default_order)
        is_compilable = self.reads_in_list_order and has_compiled_query(visibility_of(self.request))
        if self.request.query_params.keys() <= _PAGE_PARAMETERS and is_compilable and chosen in self.orderings:
            return page_fetch(visibility_of(self.request), chosen, pipeline_id=self.kwargs.get("pipeline_id"))
        # Requests with filters need too many different queries to compile each one.
        order = self.get_keyset()
        runs = order.sort(self.filter_queryset(self.get_queryset()))

        def fetch(position: Position | None, limit: int) -> list[Row]:
            return read_rows(self.take(runs if position is None else order.after(runs, position), limit))

        return fetch

    @property
    def reads_in_list_order(self) -> bool:
        """Return whether one query in the order of the list is the fastest way to read a page."""
        return True

    def check_empty(self, rows: Sequence[Row]) -> None:
        """Raise NotFound if the list is empty because the pipeline in the path does not exist."""

    def respond_with(self, row: Row) -> Response:
        [answer] = self.with_chosen_fields([row])
        return Response(answer)

    def with_chosen_fields(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Return the rows with the fields that the parameter `fields` names.

        Without this parameter, return all fields.
        """
        fields = self.request.query_params.getlist(FIELDS)
        if not fields:
            return rows
        names = known_fields(split_values(fields), RUN_FIELDS)
        return [{name: row[name] for name in names} for row in rows]


@extend_schema_view(
    list=extend_schema(
        summary="List runs across pipelines, latest `event_at` first",
        description="`since` and `until` filter by `event_at`, the time at which a run ended. For a run without an "
        "end, `event_at` is its start, else the time at which CHM stored it. `since` must be before `until`. To filter "
        "by `started_at`, list the runs of one pipeline.",
    ),
    retrieve=extend_schema(summary="Read a run", description="`run_id` is the id in CHM, not the id at the source."),
)
class RunViewSet(RunRowsViewSet):
    queryset = Run.objects.all()
    filterset_class = RunFilter
    keyset = LATEST_EVENT_AT_FIRST
    orderings = EVENT_ORDERINGS
    default_order = "-event_at"
    lookup_url_kwarg = "run_id"

    def get_early_row(self) -> EarlyRow | None:
        return early_row_by_id(self.kwargs["run_id"]) if self.action == "retrieve" else None

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = row_by_id(visibility_of(request), kwargs["run_id"], self.early_row)
        if row is None:
            raise NotFound(f"No run has the id {kwargs['run_id']}.")
        return self.respond_with(row)

    @property
    def reads_in_list_order(self) -> bool:
        """Return whether to read a page with one query in the order of the list.

        Otherwise `take` reads the first runs of each pipeline. One query is fast for the runs of one pipeline, and for
        the failed runs of a month (`q`), because indexes serve both. The parameters are not validated yet, so their
        values can be invalid.
        """
        query = self.request.query_params
        pipelines = split_values(query.getlist("pipeline_id"))
        if "q" in query or len(pipelines) == 1:
            return True
        return not pipelines and "client_id" not in query and visibility_of(self.request).clients is None

    def take(self, rows: QuerySet[Run], limit: int) -> QuerySet[Run]:
        """Return the first `limit` rows.

        If the request is limited to some clients or pipelines, read the first rows of each pipeline and merge them,
        with the index runs_by_pipeline_event. For a client with few runs, a scan of all runs would take long (decision
        0006).
        """
        pipelines = self._requested_pipelines()
        if pipelines is None:
            return rows[:limit]
        first_of_pipeline = rows.filter(pipeline_id=OuterRef("pk")).values("pk")[:limit]
        first_of_each = pipelines.order_by().values_list(
            Func(ArraySubquery(first_of_pipeline), function="unnest", output_field=UUIDField())
        )
        first_of_all: QuerySet[Run] = self.get_keyset().sort(Run.objects.filter(pk__in=first_of_each))[:limit]
        return first_of_all

    def _requested_pipelines(self) -> QuerySet[Pipeline] | None:
        """Return the pipelines that the request is limited to; None if one query in the order of the list is faster."""
        if self.reads_in_list_order:
            return None
        query = self.request.query_params
        if pipelines := split_values(query.getlist("pipeline_id")):
            return Pipeline.objects.filter(pk__in=pipelines)
        if clients := split_values(query.getlist("client_id")):
            return Pipeline.objects.filter(client_id__in=clients)
        return visibility_of(self.request).restrict(
            Pipeline.objects.all(), client_lookup="client_id", pipeline_lookup="id"
        )


# How openapi.yaml describes a push: arguments of extend_schema.
PUSH_SCHEMA: dict[str, Any] = {
    "request": PushedRunSerializer,
    "responses": {200: RunSerializer, 201: RunSerializer},
    "parameters": [
        OpenApiParameter(
            "CHM-Outcome",
            str,
            OpenApiParameter.HEADER,
            response=True,
            enum=[Outcome.CREATED.value, Outcome.UPDATED.value, Outcome.UNCHANGED.value, Outcome.STALE.value],
            description="What the request did. unchanged: CHM already had the same content; stale: the stored version "
            "is newer.",
        )
    ],
    "filters": False,
}


@extend_schema_view(
    list=extend_schema(
        summary="List a pipeline's runs, latest first",
        description="`since` and `until` filter by `started_at`. `event_since` and `event_until` filter by `event_at`, "
        "the time at which a run ended. For a run without an end, `event_at` is its start, else the time at which CHM "
        "stored it. `since` must be before `until`, and `event_since` before `event_until`.",
    )
)
class PipelineRunViewSet(RunRowsViewSet):
    queryset = Run.objects.all()
    filterset_class = PipelineRunFilter
    # For each of these orders there is an index that begins with the pipeline.
    keyset = LATEST_FIRST
    orderings = ORDERINGS
    default_order = "-started_at"
    actions_with_fields = ("list", "latest", "read")
    deprecated_parameters = {"order": Deprecation(since=date(2026, 11, 21), replacement=ORDERING)}
    # PUT needs the permission to add runs, because a push can create the run.
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
        pipelines = visible_to(self.request, Pipeline.objects.all(), client_lookup="client_id", pipeline_lookup="id")
        return find_or_404(pipelines, self.kwargs["pipeline_id"])

    def get_early_row(self) -> EarlyRow | None:
        return early_latest_row(self.kwargs["pipeline_id"]) if self.action == "latest" else None

    def check_empty(self, rows: Sequence[Row]) -> None:
        # If there are rows, the pipeline exists and is visible. So look for the pipeline only if the page is empty.
        if not rows:
            self.get_pipeline()

    @extend_schema(summary="Record a manual run", request=ManualRunSerializer, responses={201: RunSerializer})
    @idempotent
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Insert a run. An external_run_id that the pipeline already has is refused."""
        pipeline = self.get_pipeline()
        serializer = ManualRunSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        fields = {"external_run_id": None} | serializer.validated_data
        try:
            run_id = insert_run(pipeline_id=pipeline.pk, **fields)
        except RunExists as error:
            message = "This pipeline has a run with this external_run_id already."
            raise ValidationError({"external_run_id": [message]}) from error
        except RunPruned as error:
            raise ValidationError({"started_at": [str(error)]}) from error
        return Response(row_by_id(UNBOUND, run_id), status=201, headers=location_header(request, run_id))

    @extend_schema(summary="Read a pipeline's latest run", filters=False)
    def latest(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return the run that started last. Of runs with the same start, return the run that ended last."""
        if (row := latest_row(visibility_of(request), kwargs["pipeline_id"], self.early_row)) is None:
            raise NotFound(f"The pipeline {self.get_pipeline().name} has no runs.")
        return self.respond_with(row)

    @extend_schema(operation_id="pipelines_runs_retrieve", summary="Read a run by its source's own id", filters=False)
    def read(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return the run with this `external_run_id`, which is the rest of the path, including slashes. `latest`
        returns the latest run. To find a run whose id is `latest`, list the pipeline's runs with the filter
        `external_run_id`."""
        external_run_id = kwargs["external_run_id"]
        # PostgreSQL refuses a parameter with a null character.
        is_storable = "\0" not in external_run_id
        rows = read_rows(self.get_queryset().filter(external_run_id=external_run_id)) if is_storable else []
        if not rows:
            raise NotFound(f"The pipeline {self.get_pipeline().name} has no run with the id {external_run_id}.")
        return self.respond_with(rows[0])

    @extend_schema(operation_id="pipelines_runs_push", summary="Push the state of a run", **PUSH_SCHEMA)
    def push(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Store the state of a run. The request is idempotent: repeat it if you did not get a response.
        `external_run_id` is the rest of the path, including slashes. If a path cannot contain the id, use
        `POST /api/v1/runs/batch`."""
        return self._push(request, kwargs["external_run_id"])

    @extend_schema(
        operation_id="pipelines_runs_push_latest",
        summary="Push the state of the run whose id is `latest`",
        description="Works as for any other id. A GET of this path returns the latest run instead.",
        **PUSH_SCHEMA,
    )
    def push_latest(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._push(request, "latest")

    def _push(self, request: Request, external_run_id: str) -> Response:
        pipeline = self.get_pipeline()
        identity = {"external_run_id": external_run_id, "pipeline_id": str(pipeline.pk)}
        if not isinstance(request.data, dict):
            raise ValidationError("Give a JSON object.")
        if repeated := identity.keys() & request.data.keys():
            raise ValidationError({name: ["The path contains this; omit it from the body."] for name in repeated})
        # Use the serializer of batch items, because it also validates the two ids of the path.
        serializer = BatchedRunSerializer(data={**request.data, **identity}, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        [result] = record_runs([snapshot_of(serializer.validated_data)])
        return push_response(request, result)


class RunBatchViewSet(ApiViewSet):
    queryset = Run.objects.all()
    serializer_class = BatchAnswerSerializer
    client_lookup, pipeline_lookup = "pipeline__client_id", "pipeline_id"
    required_scope = Scope.INGEST

    @extend_schema(
        operation_id="runs_batch",
        summary="Push the states of up to 1,000 runs",
        request=BatchSerializer,
        responses={200: BatchAnswerSerializer},
        filters=False,
    )
    def push(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Store each valid item. Reject an invalid item without affecting the other items."""
        items = self._items(request)
        # Read the visible pipelines of all items with one query.
        ids = {item["pipeline_id"] for item in items if isinstance(item, dict) and is_uuid(item.get("pipeline_id"))}
        pipelines = visible_to(request, Pipeline.objects.all(), client_lookup="client_id", pipeline_lookup="id")
        visible_ids = set(pipelines.filter(pk__in=ids).values_list("pk", flat=True))
        snapshots = [self._snapshot(item, visible_ids) for item in items]
        answers = [
            {"index": index, "outcome": result.outcome.value}
            | ({"id": result.run_id} if result.error is None else {"error": result.error})
            for index, result in enumerate(record_runs(snapshots))
        ]
        return Response(BatchAnswerSerializer({"items": answers}).data)

    def _items(self, request: Request) -> list[Any]:
        data = request.data
        if not isinstance(data, dict) or not isinstance(items := data.get("items"), list):
            raise ValidationError({"items": ["Give a list of runs."]})
        if unknown := data.keys() - {"items"}:
            raise ValidationError({name: ["Unknown field. Known fields: items."] for name in unknown})
        if not 1 <= len(items) <= MAX_BATCH:
            raise ValidationError({"items": [f"Send 1 to {MAX_BATCH} runs, not {len(items)}."]})
        return items

    def _snapshot(self, item: Any, visible_ids: set[UUID]) -> RunEvent | Rejected:
        serializer = BatchedRunSerializer(data=item, context=self.get_serializer_context())
        if not serializer.is_valid():
            return Rejected(
                "; ".join(f"{fault['field']}: {fault['issue']}" for fault in flat_details(serializer.errors))
            )
        if serializer.validated_data["pipeline_id"] not in visible_ids:
            return Rejected("pipeline_id: No pipeline has this id, or the token may not see it.")
        return snapshot_of(serializer.validated_data)


def push_response(request: Request, result: Result) -> Response:
    """Return 201 if the push has created a run, else 200. Raise ValidationError for a rejected or pruned run."""
    if result.run_id is None:
        field = "started_at" if result.outcome is Outcome.PRUNED else "external_run_id"
        raise ValidationError({field: [str(result.error)]})
    body = row_by_id(UNBOUND, result.run_id)
    headers = {"CHM-Outcome": result.outcome.value}
    if result.outcome is not Outcome.CREATED:
        return Response(body, headers=headers)
    return Response(body, status=201, headers=headers | location_header(request, result.run_id))


def location_header(request: Request, run_id: UUID) -> dict[str, str]:
    return {"Location": request.build_absolute_uri(reverse("run", args=[run_id]))}


def snapshot_of(data: dict[str, Any]) -> RunEvent:
    return RunEvent(kind=WriteKind.SNAPSHOT, **data)


def is_uuid(value: object) -> bool:
    """Return whether the value is a UUID. For any other value, the serializer of the item reports an error."""
    try:
        UUID(value)  # type: ignore[arg-type]  # any other type raises
    except (TypeError, ValueError, AttributeError):
        return False
    return True


class ClientSummaryViewSet(ApiViewSet):
    queryset = Run.objects.all()
    serializer_class = ClientSummarySerializer
    client_lookup, pipeline_lookup = "pipeline__client_id", "pipeline_id"

    def known_parameters(self) -> Iterable[str]:
        return ("since", "until")

    def parameter_checks(self, request: Request) -> Iterable[Callable[[], object]]:
        yield from super().parameter_checks(request)
        yield lambda: parse_window(request.query_params)

    @extend_schema(summary="Summarize a client's runs in a window", parameters=[WindowSerializer])
    def summary(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return, for the runs that started in the window, counts by status and the latest run of each pipeline. For a
        run without a start, `event_at` counts."""
        client_id = self.kwargs["client_id"]
        # An unbound caller can see every client, so the check below is enough: it finds a client that does not exist.
        if visibility_of(request).is_bound:
            self._check_client(client_id)
        since, until = parse_window(request.query_params)
        summary = summarize_client(client_id=client_id, since=since, until=until)
        if not summary.latest_by_pipeline:
            self._check_client(client_id)
        fields = ("client_id", "since", "until", "status_counts", "latest_by_pipeline")
        return Response({name: getattr(summary, name) for name in fields})

    def _check_client(self, client_id: object) -> None:
        """Raise NotFound for a client that does not exist or is not visible."""
        find_or_404(visible_to(self.request, Client.objects.all(), client_lookup="id", pipeline_lookup=None), client_id)
