"""Filters of the lists of clients and pipelines in the API."""

from typing import Any

from django.db.models import Q, QuerySet

from chm_project.api.filter_bases import FilterSet
from chm_project.api.filters import FlagFilter, IdsFilter, SeveralChoicesFilter, TextFilter
from inventory.models import Client, Environment, Pipeline, PipelineType, Platform


class InventoryFilter(FilterSet):
    """Filters that clients and pipelines have in common. By default, list only the active inventory."""

    is_active = FlagFilter(help_text="`false` lists only disabled objects. Default: `true`.")
    include_inactive = FlagFilter(
        method="include_all", help_text="`true` also lists disabled objects. Default: `false`."
    )

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        filtered: QuerySet[Any] = super().filter_queryset(queryset)
        if self.form.cleaned_data["is_active"] is False or self.form.cleaned_data["include_inactive"]:
            return filtered
        return filtered.active()  # type: ignore[attr-defined,no-any-return]

    def include_all(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        # filter_queryset() applies this parameter.
        return queryset


class ClientFilter(InventoryFilter):
    name = TextFilter(help_text="Only objects with exactly this name.")
    search = TextFilter(
        method="matching_search",
        max_length=255,
        help_text="Only clients whose name contains this text; upper and lower case are the same.",
    )

    class Meta:
        model = Client
        fields: list[str] = []

    def matching_search(self, clients: QuerySet[Client], name: str, value: str) -> QuerySet[Client]:
        return clients.filter(name__icontains=value)


class ClientPipelineFilter(InventoryFilter):
    name = TextFilter(help_text="Only objects with exactly this name.")
    platform = SeveralChoicesFilter(Platform, help_text="Only pipelines on these platforms.")
    external_id = TextFilter(help_text="Only pipelines with exactly this `external_id`.")
    pipeline_type = SeveralChoicesFilter(PipelineType, help_text="Only pipelines of these types.")
    environment = SeveralChoicesFilter(Environment, help_text="Only pipelines of these environments.")
    search = TextFilter(
        method="matching_search",
        max_length=255,
        help_text="Only pipelines whose name or `external_id` contains this text; upper and lower case are the same.",
    )

    class Meta:
        model = Pipeline
        fields: list[str] = []

    def matching_search(self, pipelines: QuerySet[Pipeline], name: str, value: str) -> QuerySet[Pipeline]:
        return pipelines.filter(Q(name__icontains=value) | Q(external_id__icontains=value))


class PipelineFilter(ClientPipelineFilter):
    client_id = IdsFilter(field_name="client_id", help_text="Only pipelines of these clients.")
