"""Clients and pipelines as spreadsheet rows."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from chm_project.admin_kit.import_export.sheets import ChoiceCell, FlagCell, Key, RowForm, Sheet
from inventory.models import Client, Environment, Pipeline, PipelineType, Platform


class ClientRow(RowForm[Client]):
    is_active = FlagCell()

    class Meta:
        model = Client
        fields = ("name", "is_active")


class PipelineRow(RowForm[Pipeline]):
    client = forms.CharField(error_messages={"required": "Name the client."})
    platform = ChoiceCell(Platform.values)
    pipeline_type = ChoiceCell(PipelineType.values)
    environment = ChoiceCell(Environment.values)
    is_active = FlagCell()

    class Meta:
        model = Pipeline
        fields = (
            "client", "name", "platform", "external_id", "pipeline_type", "environment", "description", "is_active",
        )  # fmt: skip

    def __init__(self, *args: Any, clients: Mapping[str, Client], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.clients = clients

    def clean_client(self) -> Client:
        name = self.cleaned_data["client"]
        if (client := self.clients.get(name)) is None:
            raise ValidationError(f"There is no client “{name[:100]}”.")
        return client

    def clean_description(self) -> str | None:
        return self.cleaned_data["description"] or None

    def _get_validation_exclusions(self) -> set[str]:
        # It was looked up just now.
        return {*super()._get_validation_exclusions(), "client"}  # type: ignore[misc]


class ClientSheet(Sheet[Client]):
    model = Client
    form = ClientRow
    key = ("name",)
    required = ("name",)
    kept = ("is_active",)

    def stored(self, rows: Iterable[Mapping[str, str]]) -> dict[Key, Client]:
        names = {row.get("name", "").strip().replace("\x00", "") for row in rows}
        clients = self.visibility.of(Client.objects.filter(name__in=names), client="id")
        return {(client.name,): client for client in clients}


class PipelineSheet(Sheet[Pipeline]):
    model = Pipeline
    form = PipelineRow
    key = ("client", "name")
    required = ("client", "name")
    kept = ("environment", "is_active", "platform", "pipeline_type")

    def prepare(self, rows: Iterable[Mapping[str, str]]) -> None:
        names = {row.get("client", "").strip().replace("\x00", "") for row in rows}
        clients = self.visibility.of(Client.objects.filter(name__in=names), client="id")
        self.clients = {client.name: client for client in clients}

    def stored(self, rows: Iterable[Mapping[str, str]]) -> dict[Key, Pipeline]:
        names = {row.get("name", "").strip().replace("\x00", "") for row in rows}
        found = Pipeline.objects.filter(client__in=self.clients.values(), name__in=names).select_related("client")
        return {(pipeline.client.name, pipeline.name): pipeline for pipeline in found}

    def form_options(self) -> dict[str, Any]:
        return {"clients": self.clients}

    def rows(self, found: QuerySet[Pipeline]) -> QuerySet[Pipeline]:
        return found.select_related("client").order_by("client__name", "name", "id")
