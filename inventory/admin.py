"""The lists and forms of clients and pipelines in the console."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chm_project.access.visibility import visibility_of
from chm_project.admin_kit.admin_bases import (
    BooleanFilter,
    ChoicesFilter,
    InlineFormSet,
    ModelAdmin,
    NoHardDeleteMixin,
    SameClientInNextFormMixin,
    SystemFieldsMixin,
    TabularInline,
    display,
)
from chm_project.admin_kit.badges import badge
from chm_project.admin_kit.edit_conflicts import EditConflictMixin
from chm_project.admin_kit.enable_disable import Consequence, EnableDisableMixin, listed_rows, register_consequence
from chm_project.admin_kit.extra_columns import ExtraColumnsMixin
from chm_project.admin_kit.import_export.pages import ImportExportMixin
from chm_project.admin_kit.visible_rows import VisibleChoiceFilter, VisibleRowsMixin, my_clients_filter
from inventory.import_export import ClientSheet, PipelineSheet
from inventory.models import Client, Pipeline
from inventory.services import changed_pipelines, set_active

if TYPE_CHECKING:
    _PipelineForm = forms.ModelForm[Pipeline]
else:
    _PipelineForm = forms.ModelForm


# For each result of Pipeline.ingestion_state: the style and the label of its badge.
INGESTION_BADGES = {
    "ok": ("success", "OK"),
    "walk failed": ("failed", "not readable"),
    "missing": ("failed", "missing"),
    "stale": ("warning", "stale"),
    "not yet": ("none", "not yet"),
    "pushed": ("none", "pushed"),
    "none": ("none", "none"),
}


class PipelineForm(_PipelineForm):
    class Meta:
        model = Pipeline
        fields = "__all__"
        help_texts = {
            "external_id": "The id of the pipeline in its orchestrator, such as a DAG id. Without an id, CHM does not "
            "ingest the pipeline.",
            "client": "If you choose another client, CHM ingests the whole history of the pipeline again.",
        }

    def clean_description(self) -> str | None:
        # An empty description is stored as NULL, as in the API.
        return self.cleaned_data["description"] or None


class PipelineRowForm(_PipelineForm):
    """A row of the table of pipelines in a client's form."""

    class Media:
        css = {"all": ("inventory/forms.css",)}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # Screen readers do not connect the fields with the table's header, so each field needs a label.
            field.widget.attrs["aria-label"] = field.label

    def validate_unique(self) -> None:
        """Also validate the constraints that include the client.

        Django would skip them, because the client is not a field of this form.
        """
        super().validate_unique()
        if not self.errors:
            try:
                self.instance.validate_constraints(exclude=self._get_validation_exclusions())  # type: ignore[attr-defined]
            except ValidationError as error:
                self._update_errors(error)  # type: ignore[attr-defined]


@register_consequence
def change_of_active_pipelines(rows_to_change: QuerySet[Any], active: bool) -> Consequence:
    """Describe which pipelines leave the active inventory or return to it."""
    is_about_clients = rows_to_change.model is Client
    pipelines = changed_pipelines(rows_to_change, active=active).select_related("client").order_by("name", "id")
    count = pipelines.count()
    is_single = count == 1
    subject = f"{count} pipeline{'' if is_single else 's'}"
    if active:
        sentence = (
            f"{subject} {'comes' if is_single else 'come'} back to the health board and {'is' if is_single else 'are'} "
            f"ingested again.{' Pipelines that were disabled individually stay disabled.' if is_about_clients else ''}"
        )
    else:
        sentence = (
            f"{subject} {'leaves' if is_single else 'leave'} the health board and {'is' if is_single else 'are'} no "
            "longer ingested. Runs and history stay, and enabling again brings everything back."
        )
    if not is_about_clients or not count:
        return Consequence(sentence)
    return Consequence(sentence, listed_rows("Pipelines", pipelines, count, lambda row: (row.name, f"of {row.client}")))


class PipelineInline(TabularInline[Pipeline, Client]):
    model = Pipeline
    form = PipelineRowForm
    formset = InlineFormSet  # type: ignore[assignment]  # its type parameters do not exist at run time
    fields = ("name", "platform", "external_id", "pipeline_type", "environment", "is_active")
    readonly_fields = ("is_active",)
    show_change_link = True
    extra = 0
    # Pipelines are disabled, never deleted.
    can_delete = False
    # A client may have hundreds of pipelines, too many fields for one form.
    per_page = 20


@admin.register(Client)
class ClientAdmin(
    VisibleRowsMixin[Client], ExtraColumnsMixin[Client], SystemFieldsMixin, EditConflictMixin,
    NoHardDeleteMixin, EnableDisableMixin[Client], ImportExportMixin[Client], ModelAdmin[Client],
):  # fmt: skip
    sheet = ClientSheet()
    client_lookup = "id"
    list_display = ("name", "pipeline_count", "state")
    # Repeat the model's ordering. Django ignores Meta.ordering in a query with GROUP BY, which pipeline_count needs.
    ordering = ("name", "id")
    list_filter = (my_clients_filter("id"), ("is_active", BooleanFilter))
    list_filter_submit = True
    search_fields = ("name",)
    search_help_text = "Name"
    fields = ("name",)
    system_fields = ("is_active", "id", "created_at", "updated_at")
    readonly_fields = system_fields
    inlines = (PipelineInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse bound users, who would not see the new client.

        In addition, an error for a taken name would reveal that another client exists.
        """
        return not visibility_of(request).is_bound and super().has_add_permission(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Client | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return (*fields, "name") if visibility_of(request).is_bound else fields

    def apply(self, rows: QuerySet[Client], *, active: bool) -> list[Client]:
        return set_active(rows, active=active)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Client]:
        return super().get_queryset(request).annotate(active_pipelines=Count("pipelines", Q(pipelines__is_active=True)))

    @display(description="active pipelines", ordering="active_pipelines")
    def pipeline_count(self, client: Any) -> int:
        """Return the number of active pipelines; 0 for a disabled client."""
        return int(client.active_pipelines) if client.is_active else 0

    @display(description="state", ordering="is_active")
    def state(self, client: Client) -> SafeString:
        return badge("success", "active") if client.is_active else badge("canceled", "disabled")


@admin.register(Pipeline)
class PipelineAdmin(
    SameClientInNextFormMixin, VisibleRowsMixin[Pipeline], ExtraColumnsMixin[Pipeline], SystemFieldsMixin,
    EditConflictMixin, NoHardDeleteMixin, EnableDisableMixin[Pipeline], ImportExportMixin[Pipeline],
    ModelAdmin[Pipeline],
):  # fmt: skip
    sheet = PipelineSheet()
    client_lookup = "client_id"
    form = PipelineForm
    list_display = (
        "name",
        "client_link",
        "platform",
        "environment",
        "ingestion",
    )
    list_filter = (
        my_clients_filter("client_id", "client__id__exact"),
        ("is_active", BooleanFilter),
        ("client", VisibleChoiceFilter),
        ("platform", ChoicesFilter),
        ("pipeline_type", ChoicesFilter),
        ("environment", ChoicesFilter),
    )
    list_filter_submit = True
    list_select_related = ("client",)
    search_fields = ("name", "external_id", "client__name")
    search_help_text = "Name, external id or client"
    autocomplete_fields = ("client",)
    fields = ("client", "name", "platform", "external_id", "pipeline_type", "environment", "description")
    system_fields = (
        "is_active",
        "ingested_through",
        "ingest_due_at",
        "last_ingest_at",
        "last_ingest_error",
        "source_paused",
        "source_next_run_at",
        "source_missing_since",
        "source_url",
        "source_url_template",
        "pruned_before",
        "id",
        "created_at",
        "updated_at",
    )
    system_field_labels: ClassVar[Mapping[str, str]] = {
        **SystemFieldsMixin.system_field_labels,
        "ingested_through": "all runs read up to",
        "ingest_due_at": "stale after",
        "last_ingest_at": "last ingestion",
        "last_ingest_error": "error of the last ingestion",
        "source_paused": "paused at the source",
        "source_next_run_at": "next run at the source",
        "source_missing_since": "missing at the source since",
        "source_url": "address at the source",
        "source_url_template": "address of a run at the source",
        "pruned_before": "runs removed before",
    }
    readonly_fields = system_fields

    def describe_row(self, row: Pipeline) -> tuple[str, str]:
        return row.name, f"of {row.client}"

    def apply(self, rows: QuerySet[Pipeline], *, active: bool) -> list[Pipeline]:
        return set_active(rows, active=active)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pipeline]:
        return super().get_queryset(request).select_related("client")

    @display(description="client", ordering="client__name")
    def client_link(self, pipeline: Pipeline) -> SafeString:
        address = reverse("console:client", args=[pipeline.client_id])
        return format_html('<a class="chm-link" href="{}">{}</a>', address, pipeline.client.name)

    @display(description="ingestion")
    def ingestion(self, pipeline: Pipeline) -> SafeString:
        if not (pipeline.is_active and pipeline.client.is_active):
            return badge("canceled", "disabled")
        # add_last_runs() in chm_project/console/admin/pipelines.py sets latest_run_status of each pipeline in the list.
        has_runs = getattr(pipeline, "latest_run_status", None) is not None
        return badge(*INGESTION_BADGES[pipeline.ingestion_state(timezone.now(), has_runs=has_runs)])
