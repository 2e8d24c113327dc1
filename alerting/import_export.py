"""Import and export alert rules.

Client, pipeline, type, channel and destination together identify an enabled rule.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from alerting.destinations import destination_problem, is_masked, shown_destination, unmasked_destination
from alerting.models import AlertRule, Channel, RuleType
from chm_project.admin_kit.import_export.sheets import ChoiceCell, FlagCell, Key, RowForm, Sheet
from inventory.import_export import ClientsInFile
from inventory.models import Pipeline

# A dict from the names of a client and its pipeline to the pipeline.
PipelinesByNames = Mapping[tuple[str, str], Pipeline]


class RuleRow(RowForm[AlertRule]):
    client = forms.CharField(error_messages={"required": "Name the client, also in a row with a pipeline."})
    pipeline = forms.CharField(required=False)
    rule_type = ChoiceCell(RuleType)
    channel = ChoiceCell(Channel)
    is_enabled = FlagCell()
    include_known = FlagCell()

    class Meta:
        model = AlertRule
        fields = (
            "client", "pipeline", "rule_type", "threshold", "window_minutes", "channel", "destination", "is_enabled",
            "include_known",
        )  # fmt: skip

    def __init__(self, *args: Any, clients: ClientsInFile, pipelines: PipelinesByNames, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.clients, self.pipelines = clients, pipelines

    def clean_destination(self) -> str:
        try:
            return unmasked_destination(self.cleaned_data["destination"], self.instance.destination or None)
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        """Replace the names of client and pipeline by objects. For a row with a pipeline, set no client.

        A stored rule keeps its client, because an update saves only the columns whose cells differ from the rule.
        """
        values = self.cleaned_data
        channel, destination = values.get("channel"), values.get("destination")
        if channel and destination and (problem := destination_problem(channel, destination)):
            self.add_error("destination", problem)
        client, pipeline = values.pop("client", None), values.pop("pipeline", "")
        if client is None:
            return values
        try:
            owning_client = self.clients.get(client)
        except ValidationError as error:
            self.add_error("client", error)
            return values
        if pipeline and (client, pipeline) not in self.pipelines:
            self.add_error("pipeline", f"This client has no pipeline “{pipeline[:100]}”.")
        else:
            values["client"] = None if pipeline else owning_client
            values["pipeline"] = self.pipelines[client, pipeline] if pipeline else None
        return values

    def _get_validation_exclusions(self) -> set[str]:
        # clean() has found both objects, so do not query for them again.
        return {*super()._get_validation_exclusions(), "client", "pipeline"}  # type: ignore[misc]


class RuleSheet(Sheet[AlertRule]):
    model = AlertRule
    form = RuleRow
    key = ("client", "pipeline", "rule_type", "channel", "destination")
    required = ("client", "rule_type", "channel", "destination")
    unchanged_if_blank = ("is_enabled", "include_known")

    def prepare(self, rows: Iterable[Mapping[str, str]]) -> None:
        self.clients = ClientsInFile(rows, "client", self.visibility)
        names = {row.get("pipeline", "").strip().replace("\x00", "") for row in rows}
        pipelines = Pipeline.objects.filter(client__in=self.clients.by_name.values(), name__in=names).select_related(
            "client"
        )
        self.pipelines = {(pipeline.client.name, pipeline.name): pipeline for pipeline in pipelines}

    def key_of(self, cells: Mapping[str, str]) -> Key:
        """Return the key of a row. It contains the masked destination, because exported files contain it too."""
        destination = cells.get("destination", "").strip()
        return super().key_of(
            {**cells, "destination": destination if is_masked(destination) else shown_destination(destination)}
        )

    def stored_by_key(self, rows: Iterable[Mapping[str, str]]) -> dict[Key, AlertRule]:
        destinations = {row.get("destination", "").strip().replace("\x00", "") for row in rows}
        candidates = Q(destination__in=destinations)
        if any(map(is_masked, destinations)):
            candidates |= Q(client__in=self.clients.by_name.values()) | Q(pipeline__in=self.pipelines.values())
        # Several rules can have the same key, but only one of them is enabled. Sort the enabled rule last, so that the
        # dict keeps it.
        visible = self.visibility.restrict(AlertRule.objects.with_owning_client_id(), client_lookup="owning_client_id")
        rules = self.with_related_rows(visible.filter(candidates)).order_by("is_enabled", "id")
        return {self.key_of(self.cells(rule)): rule for rule in rules}

    def form_options(self) -> dict[str, Any]:
        return {"clients": self.clients, "pipelines": self.pipelines}

    def with_related_rows(self, queryset: QuerySet[AlertRule]) -> QuerySet[AlertRule]:
        return queryset.select_related("client", "pipeline__client")

    def cells(self, row: AlertRule) -> dict[str, str]:
        owning_client = row.pipeline.client if row.pipeline else row.client
        return super().cells(row) | {
            "client": self._cell(owning_client),
            "pipeline": self._cell(row.pipeline),
            "destination": row.shown_destination,
        }
