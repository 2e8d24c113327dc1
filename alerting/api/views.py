from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from alerting.api.filters import AlertRuleFilter
from alerting.api.serializers import (
    AlertRuleSerializer,
    FiringRuleSerializer,
    PreviewSerializer,
    PreviewWindowSerializer,
)
from alerting.models import AlertRule
from alerting.services import firing_rules, preview
from chm_project.api.conditional import VersionedObjects
from chm_project.api.csv import CsvListMixin
from chm_project.api.history import LoggedChanges
from chm_project.api.idempotency import idempotent
from chm_project.api.pagination import keyset as keyset_of
from chm_project.api.pagination import keysets_by_ordering
from chm_project.api.times import window_problems
from chm_project.api.viewsets import ApiViewSet
from inventory.maintenance_file import maintenance_file
from runs.planned_maintenance import add_maintenance_columns

DEFAULT_PREVIEW_WINDOW = timedelta(days=7)
MAX_PREVIEW_WINDOW = timedelta(days=400)


@extend_schema_view(
    create=extend_schema(
        summary="Create an alert rule",
        description="A rule needs a client, a pipeline or both. With both, it watches only the pipeline. "
        "`failures_in_window` also needs `threshold` and `window_minutes`.",
    ),
    list=extend_schema(
        summary="List alert rules, oldest first",
        description="Enabled and disabled rules are listed. The filter `client_id` excludes rules with a pipeline.",
    ),
    retrieve=extend_schema(summary="Read an alert rule", description="Returns the rule, enabled or disabled."),
    partial_update=extend_schema(
        summary="Change, enable or disable an alert rule", description="Only the fields that are sent are changed."
    ),
    destroy=extend_schema(
        summary="Delete an alert rule",
        description="Deletes the rule permanently. To keep a rule that never fires, set `is_enabled` to false.",
    ),
)
class AlertRuleViewSet(
    VersionedObjects,
    LoggedChanges,
    CsvListMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    ApiViewSet,
):
    queryset = AlertRule.objects.with_owning_client_id()
    serializer_class = AlertRuleSerializer
    filterset_class = AlertRuleFilter
    # UUIDs of version 7 sort by creation time, so the primary key's index serves this order.
    keyset = keyset_of("id")
    orderings = {"id": keyset, "-id": keyset.reversed()} | keysets_by_ordering("created_at", "updated_at")
    lookup_url_kwarg = "rule_id"
    location_route = "alert-rule"
    client_lookup, pipeline_lookup = "owning_client_id", "pipeline_id"

    @idempotent
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().create(request, *args, **kwargs)

    @extend_schema(
        operation_id="alert_rules_preview",
        summary="Preview when a rule would have fired",
        parameters=[PreviewWindowSerializer],
        responses=PreviewSerializer,
        filters=False,
    )
    def preview(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return when the rule would have fired in the window, based on the runs that are stored now.

        A rule with `on_failure` fires while one of its pipelines is failing. A pipeline is failing if its latest
        decisive run failed. A run is decisive if it succeeded or failed. A rule with `failures_in_window` fires while
        at least `threshold` runs of its pipelines failed within the last `window_minutes`.

        A rule whose `include_known` is false ignores a failure as soon as it is known. CHM stores only the present
        mark of a pipeline, so the preview counts a failure whose mark has ended.

        Before its `event_at`, a run counts as running. Disabled clients and pipelines are excluded. No item ends after
        the current time. `since` and `until` can be at most 400 days apart.
        """
        window = PreviewWindowSerializer(data=request.query_params)
        window.is_valid(raise_exception=True)
        until = window.validated_data.get("until") or timezone.now()
        try:
            since = window.validated_data.get("since") or until - DEFAULT_PREVIEW_WINDOW
        except OverflowError:
            raise ValidationError({"until": ["Give a time after the year 1."]}) from None
        if problems := window_problems(since, until):
            raise ValidationError(problems)
        if until - since > MAX_PREVIEW_WINDOW:
            raise ValidationError({"since": [f"Request at most {MAX_PREVIEW_WINDOW.days} days."]})
        spans = preview(self.get_object(), since=since, until=min(until, timezone.now()))
        return Response(PreviewSerializer({"items": spans}).data)

    def known_parameters(self) -> Iterable[str]:
        return ("since", "until") if self.action == "preview" else super().known_parameters()

    def parameter_checks(self, request: Request) -> Iterable[Callable[[], object]]:
        yield from super().parameter_checks(request)
        if self.action == "preview":
            yield lambda: PreviewWindowSerializer(data=request.query_params).is_valid(raise_exception=True)


@extend_schema_view(
    list=extend_schema(
        operation_id="alert_rules_firing",
        summary="List the enabled rules that are firing",
        description="Only active pipelines count. CHM sends no notifications. To send notifications, poll this list, "
        "and notify people when a `fingerprint` appears or disappears.",
    )
)
class FiringRuleViewSet(CsvListMixin, ApiViewSet):
    queryset = AlertRuleViewSet.queryset
    serializer_class = FiringRuleSerializer
    keyset = AlertRuleViewSet.keyset
    orderings = AlertRuleViewSet.orderings
    client_lookup, pipeline_lookup = "owning_client_id", "pipeline_id"

    # get_queryset() sets these two. They stay empty while openapi.yaml is generated, which runs no query.
    firing_since: dict[UUID, datetime] = {}
    owner_columns_by_pipeline: dict[UUID, dict[str, Any]] = {}

    def get_queryset(self) -> QuerySet[AlertRule]:
        self.firing_since = firing_rules()
        rules: QuerySet[AlertRule] = super().get_queryset().filter(pk__in=self.firing_since)
        if maintenance_file().owners:
            watched_pipeline_ids = rules.filter(pipeline__isnull=False).values_list("pipeline_id", flat=True)
            self.owner_columns_by_pipeline = {
                pipeline_id: {"pipeline_id": pipeline_id} for pipeline_id in watched_pipeline_ids
            }
            add_maintenance_columns(self.owner_columns_by_pipeline.values(), as_of=timezone.now())
        return rules

    def get_serializer_context(self) -> dict[str, Any]:
        return {
            **super().get_serializer_context(),
            "firing_since": self.firing_since,
            "owner_columns_by_pipeline": self.owner_columns_by_pipeline,
        }
