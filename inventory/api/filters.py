from typing import Any

from django.db.models import QuerySet

from chm_project.api.bases import FilterSet
from chm_project.api.filters import FlagFilter, IdFilter, TextFilter, WordFilter
from inventory.models import Client, Environment, Pipeline, PipelineType, Platform


class InventoryFilter(FilterSet):
    """The active inventory, unless the caller asks for the rest."""

    is_active = FlagFilter(help_text="The object's own flag; false lists what was disabled.")
    include_inactive = FlagFilter(method="keep", help_text="true lists active and inactive alike.")

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        filtered: QuerySet[Any] = super().filter_queryset(queryset)
        if self.form.cleaned_data["is_active"] is False or self.form.cleaned_data["include_inactive"]:
            return filtered
        return filtered.active()  # type: ignore[attr-defined,no-any-return]

    def keep(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return queryset


class ClientFilter(InventoryFilter):
    name = TextFilter(help_text="The exact name.")

    class Meta:
        model = Client
        fields: list[str] = []


class ClientPipelineFilter(InventoryFilter):
    name = TextFilter(help_text="The exact name.")
    platform = WordFilter(Platform)
    external_id = TextFilter(help_text="The exact id in the orchestrator.")
    pipeline_type = WordFilter(PipelineType)
    environment = WordFilter(Environment)

    class Meta:
        model = Pipeline
        fields: list[str] = []


class PipelineFilter(ClientPipelineFilter):
    client_id = IdFilter(field_name="client_id")
