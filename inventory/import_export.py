"""The CSV and XLSX columns of clients and pipelines, and how their rows are validated."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from chm_project.access.visibility import Visibility
from chm_project.admin_kit.import_export.sheets import ChoiceCell, FlagCell, Key, RowForm, Sheet
from inventory.models import Client, Environment, Pipeline, PipelineType, Platform


class ClientsInFile:
    """The clients that a file names and that the user may see. `by_name` maps each stored name to its client."""

    def __init__(self, rows: Iterable[Mapping[str, str]], column: str, visibility: Visibility) -> None:
        # PostgreSQL refuses null characters in a query, so remove them here. The form of the row reports them later.
        names = {row.get(column, "").strip().replace("\x00", "") for row in rows}
        # Search the exact names too, because PostgreSQL and Python convert some letters differently, such as Σ and İ.
        clients = Client.objects.annotate(lower_name=Lower("name")).filter(
            Q(name__in=names) | Q(lower_name__in={name.lower() for name in names})
        )
        self.by_name = {client.name: client for client in visibility.restrict(clients, client_lookup="id")}
        self._stored_names = {name.lower(): name for name in self.by_name}

    def get(self, name: str) -> Client:
        """Return the client with this name. If no client has the name, raise ValidationError.

        If a stored name differs from `name` only in upper and lower case, the error contains the stored name.
        """
        if (client := self.by_name.get(name)) is not None:
            return client
        stored_name = self._stored_names.get(name.lower())
        raise ValidationError(
            f"There is no client “{name[:100]}”."
            + (f" Did you mean “{stored_name}”?" if stored_name is not None else "")
        )

    def refuse_other_spelling(self, name: str) -> None:
        """Raise ValidationError if a stored name differs from `name` only in upper and lower case."""
        stored_name = self._stored_names.get(name.lower(), name)
        if stored_name != name and name not in self.by_name:
            raise ValidationError(f"There is a client “{stored_name}” already; upper and lower case are the same.")


class ClientRow(RowForm[Client]):
    is_active = FlagCell()

    def __init__(self, *args: Any, clients: ClientsInFile, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.clients = clients

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        self.clients.refuse_other_spelling(name)
        return name

    class Meta:
        model = Client
        fields = ("name", "is_active")


class PipelineRow(RowForm[Pipeline]):
    client = forms.CharField(error_messages={"required": "Name the client."})
    platform = ChoiceCell(Platform)
    pipeline_type = ChoiceCell(PipelineType)
    environment = ChoiceCell(Environment)
    is_active = FlagCell()

    class Meta:
        model = Pipeline
        fields = (
            "client", "name", "platform", "external_id", "pipeline_type", "environment", "description", "is_active",
        )  # fmt: skip

    def __init__(self, *args: Any, clients: ClientsInFile, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.clients = clients

    def clean_client(self) -> Client:
        return self.clients.get(self.cleaned_data["client"])

    def clean_description(self) -> str | None:
        return self.cleaned_data["description"] or None

    def _get_validation_exclusions(self) -> set[str]:
        # clean_client() has already found the client, so the validation of the model need not query it again.
        return {*super()._get_validation_exclusions(), "client"}  # type: ignore[misc]


class ClientSheet(Sheet[Client]):
    model = Client
    form = ClientRow
    key = ("name",)
    required = ("name",)
    unchanged_if_blank = ("is_active",)

    def prepare(self, rows: Iterable[Mapping[str, str]]) -> None:
        self.clients = ClientsInFile(rows, "name", self.visibility)

    def stored_by_key(self, rows: Iterable[Mapping[str, str]]) -> dict[Key, Client]:
        return {(name,): client for name, client in self.clients.by_name.items()}

    def form_options(self) -> dict[str, Any]:
        return {"clients": self.clients}


class PipelineSheet(Sheet[Pipeline]):
    model = Pipeline
    form = PipelineRow
    key = ("client", "name")
    required = ("client", "name")
    unchanged_if_blank = ("environment", "is_active", "platform", "pipeline_type")

    def prepare(self, rows: Iterable[Mapping[str, str]]) -> None:
        self.clients = ClientsInFile(rows, "client", self.visibility)

    def stored_by_key(self, rows: Iterable[Mapping[str, str]]) -> dict[Key, Pipeline]:
        # PostgreSQL refuses null characters in a query.
        names = {row.get("name", "").strip().replace("\x00", "") for row in rows}
        pipelines = Pipeline.objects.filter(client__in=self.clients.by_name.values(), name__in=names).select_related(
            "client"
        )
        return {(pipeline.client.name, pipeline.name): pipeline for pipeline in pipelines}

    def form_options(self) -> dict[str, Any]:
        return {"clients": self.clients}

    def with_related_rows(self, queryset: QuerySet[Pipeline]) -> QuerySet[Pipeline]:
        return queryset.select_related("client").order_by("client__name", "name", "id")
