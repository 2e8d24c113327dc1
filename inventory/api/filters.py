"""Filters of the lists of clients and pipelines in the API."""

from typing import Any

from django.db.models import Q, QuerySet

from chm_project.api.filter_bases import FilterSet
from chm_project.api.filters import FlagFilter, IdsFilter, SeveralChoicesFilter, TextFilter
from inventory.models import Client, Environment, Pipeline, PipelineType, Platform


class InventoryFilter(FilterSet):
    """List only the active inventory, unless the request asks for inactive objects."""

    is_active = FlagFilter(help_text="Objects with this value of is_active; false lists disabled ones.")
    include_inactive = FlagFilter(method="include_all", help_text="true lists active and inactive objects.")

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        filtered: QuerySet[Any] = super().filter_queryset(queryset)
        if self.form.cleaned_data["is_active"] is False or self.form.cleaned_data["include_inactive"]:
            return filtered
        return filtered.active()  # type: ignore[attr-defined,no-any-return]

    def include_all(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        # filter_queryset() reads this parameter.
        return queryset


class ClientFilter(InventoryFilter):
    name = TextFilter(help_text="The exact name.")
    search = TextFilter(method="matching_search", max_length=255, help_text="Part of the name; case is ignored.")

    class Meta:
        model = Client
        fields: list[str] = []

    def matching_search(self, clients: QuerySet[Client], name: str, value: str) -> QuerySet[Client]:
        return clients.filter(name__icontains=value)


class ClientPipelineFilter(InventoryFilter):
    name = TextFilter(help_text="The exact name.")
    platform = SeveralChoicesFilter(Platform, help_text="The kind of orchestrator.")
    external_id = TextFilter(help_text="The exact id in the orchestrator.")
    pipeline_type = SeveralChoicesFilter(PipelineType, help_text="What the pipeline does.")
    environment = SeveralChoicesFilter(Environment, help_text="Where the pipeline runs.")
    search = TextFilter(
        method="matching_search", max_length=255, help_text="Part of the name or the external_id; case is ignored."
    )

    class Meta:
        model = Pipeline
        fields: list[str] = []

    def matching_search(self, pipelines: QuerySet[Pipeline], name: str, value: str) -> QuerySet[Pipeline]:
        return pipelines.filter(Q(name__icontains=value) | Q(external_id__icontains=value))


class PipelineFilter(ClientPipelineFilter):
    client_id = IdsFilter(field_name="client_id", help_text="Pipelines of this client.")
