"""Alert rules in the console."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alerting.destinations import destination_problem, filter_by_destination, unmasked_destination
from alerting.import_export import RuleSheet
from alerting.models import OWNING_CLIENT_ID, AlertRule
from alerting.services import firing_rules
from chm_project.access.visibility import visibility_of
from chm_project.admin_kit.admin_bases import (
    BooleanFilter,
    ChangeList,
    ChoicesFilter,
    ModelAdmin,
    SameClientInNextFormMixin,
    SystemFieldsMixin,
    display,
)
from chm_project.admin_kit.badges import badge
from chm_project.admin_kit.edit_conflicts import EditConflictMixin
from chm_project.admin_kit.enable_disable import Consequence, listed_rows, register_consequence
from chm_project.admin_kit.import_export.pages import ImportExportMixin
from chm_project.admin_kit.visible_rows import VisibleChoiceFilter, VisibleRowsMixin, my_clients_filter
from inventory.models import Pipeline
from inventory.services import changed_pipelines

if TYPE_CHECKING:
    _RuleForm = forms.ModelForm[AlertRule]
else:
    _RuleForm = forms.ModelForm

# The fields that decide when a rule fires.
CONDITION_FIELDS = ("client", "pipeline", "rule_type", "threshold", "window_minutes", "include_known")
THRESHOLD_REQUIRED = "Enter the number of failed runs; a rule that counts failures in a window needs a threshold."
WINDOW_REQUIRED = "Enter the length of the window; a rule that counts failures in a window needs it."


class RuleForm(_RuleForm):
    class Meta:
        model = AlertRule
        fields = "__all__"
        help_texts = {
            "client": "If you choose no pipeline below, the rule watches every active pipeline of this client.",
            "pipeline": (
                "If you choose a pipeline, the rule watches only this pipeline. The rule then belongs to the client of "
                "the pipeline, even if you chose another client above."
            ),
            "rule_type": (
                "On failure: the rule fires while a watched pipeline is failing. Failures in a window: the rule fires "
                "while at least as many runs as the threshold failed in the window."
            ),
            "threshold": "The rule fires if at least this many runs of all watched pipelines together failed in the "
            "window.",
            "window_minutes": "Length of the window in minutes. The window ends now.",
            "destination": "Channel name, e-mail address or hook address. CHM stores it and sends nothing itself.",
            "include_known": "If off, the rule ignores pipelines whose failure is marked as known, and pipelines that "
            "failed in planned maintenance.",
            "is_enabled": "A disabled rule is kept, but never fires.",
        }
        error_messages = {
            "client": {"alert_rules_scope_required": "Choose a client, a pipeline, or both."},
            "pipeline": {"alert_rules_scope_required": "Choose a client, a pipeline, or both."},
            "threshold": {
                "alert_rules_window_rule_complete": THRESHOLD_REQUIRED,
                "alert_rules_threshold_positive": "Enter a number greater than 0, or leave the field empty.",
            },
            "window_minutes": {
                "alert_rules_window_rule_complete": WINDOW_REQUIRED,
                "alert_rules_window_minutes_positive": "Enter a number greater than 0, or leave the field empty.",
            },
            "destination": {
                "alert_rules_enabled_unique": (
                    "Another enabled rule has the same type, scope, channel and destination."
                ),
            },
        }

    class Media:
        js = ("alerting/rule_form.js",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and self.instance.destination:
            self.initial["destination"] = self.instance.shown_destination

    def clean_destination(self) -> str:
        stored = AlertRule.objects.filter(pk=self.instance.pk).values_list("destination", flat=True).first()
        try:
            return unmasked_destination(self.cleaned_data["destination"], stored)
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if problem := form_destination_problem(values):
            self.add_error("destination", problem)
        return values


def form_destination_problem(values: dict[str, Any]) -> str:
    """Return why the destination does not fit the channel; empty if it fits, or if one of the two is missing."""
    channel, destination = values.get("channel"), values.get("destination")
    return destination_problem(channel, destination) if channel and destination else ""


@register_consequence
def paused_or_resumed_rules(rows_to_change: QuerySet[Any], active: bool) -> Consequence:
    """Describe the alert rules that pause (or resume, if `active`) when users disable (or enable) these rows.

    A paused rule watches no active pipeline.
    """
    rules = AlertRule.objects.watching_only(changed_pipelines(rows_to_change, active=active))
    rule_count = rules.count()
    if not rule_count:
        return Consequence(f"No alert rule {'resumes' if active else 'is paused'}.")
    if rule_count == 1:
        sentence = f"1 alert rule {'resumes' if active else 'is paused'}:"
    else:
        sentence = f"{rule_count} alert rules {'resume' if active else 'are paused'}:"
    rules = rules.select_related("client", "pipeline")
    return Consequence(sentence, listed_rows("Alert rules", rules, rule_count, _rule_and_scope))


def _duration_text(minutes: int) -> str:
    """Return a text such as "1 d" for 1440, "2 h" for 120 or "90 min" for 90."""
    sizes = ((1440, "d"), (60, "h"))
    return next((f"{minutes // size} {unit}" for size, unit in sizes if minutes % size == 0), f"{minutes} min")


def _rule_and_scope(rule: AlertRule) -> tuple[str, str]:
    watched = f"on {rule.pipeline}" if rule.pipeline else f"on all of {rule.client}"
    return str(rule), watched


class RuleChangeList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        """Read the rules of the page, and set `is_firing` on each rule."""
        super().get_results(request)
        rules: list[Any] = list(self.result_list)
        self.result_list = rules
        firing = set(firing_rules()) if rules else set()
        for rule in rules:
            rule.is_firing = rule.pk in firing


@admin.register(AlertRule)
class AlertRuleAdmin(
    SameClientInNextFormMixin,
    VisibleRowsMixin[AlertRule],
    SystemFieldsMixin,
    EditConflictMixin,
    ImportExportMixin[AlertRule],
    ModelAdmin[AlertRule],
):
    sheet = RuleSheet()
    client_lookup = "owning_client_id"
    form = RuleForm
    list_display = ("scope", "state", "client_link", "shown_type", "condition", "channel_and_destination")
    list_filter = (
        my_clients_filter("owning_client_id", "client__id__exact", "pipeline__id__exact"),
        ("is_enabled", BooleanFilter),
        ("rule_type", ChoicesFilter),
        ("channel", ChoicesFilter),
        ("client", VisibleChoiceFilter),
        ("pipeline", VisibleChoiceFilter),
    )
    list_filter_submit = True
    # This template shows the preview of the rule.
    change_form_outer_before_template = "console/parts/rule_preview.html"
    list_select_related = ("client", "pipeline__client")
    # owning_client_name is the name of the client that owns the rule.
    search_fields = ("owning_client_name", "pipeline__name")
    search_help_text = "Destination, client or pipeline"
    autocomplete_fields = ("client", "pipeline")
    readonly_fields = ("id", "created_at", "updated_at")
    fieldsets = (
        ("Scope", {"fields": ("client", "pipeline")}),
        ("Condition", {"fields": ("rule_type", "threshold", "window_minutes", "include_known")}),
        ("Destination", {"fields": ("channel", "destination", "is_enabled")}),
    )

    def visible(self, request: HttpRequest, rows: QuerySet[AlertRule]) -> QuerySet[AlertRule]:
        owning_client_name = Coalesce("pipeline__client__name", "client__name")
        return super().visible(
            request, rows.annotate(owning_client_id=OWNING_CLIENT_ID, owning_client_name=owning_client_name)
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RuleChangeList]:
        return RuleChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertRule]:
        return super().get_queryset(request).select_related("client", "pipeline__client")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.preview_view)
        return [path("preview/", view, name="alerting_alertrule_preview"), *super().get_urls()]

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Return the preview of the rule in the posted form, without saving the rule."""
        if request.method != "POST" or not self.has_add_permission(request):
            raise PermissionDenied
        form = self.get_form(request)(request.POST)
        # Errors of other fields, such as a missing destination, do not prevent a preview.
        form.is_valid()
        problems = [text for field in CONDITION_FIELDS for text in form.errors.get(field, [])]
        values = {field: form.cleaned_data.get(field) for field in CONDITION_FIELDS}
        context = {"problems": list(dict.fromkeys(problems)), "rule": None if problems else AlertRule(**values)}
        return TemplateResponse(request, "console/parts/rule_preview_unsaved.html", context)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> AlertRule | None:
        """Return the rule.

        If the user sees the rule because of its pipeline, but not its client, set client to None. save_model() stores
        the hidden client again.
        """
        rule: AlertRule | None = super().get_object(request, object_id, from_field)
        if rule is not None and rule.client_id is not None and not visibility_of(request).sees_client(rule.client_id):
            rule.hidden_client_id, rule.client = rule.client_id, None  # type: ignore[attr-defined]
        return rule

    def save_model(self, request: HttpRequest, obj: AlertRule, form: Any, change: bool) -> None:
        if obj.client_id is None:
            obj.client_id = getattr(obj, "hidden_client_id", None)
        super().save_model(request, obj, form, change)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "pipeline" and field is not None:
            # Pipelines of different clients can have the same name, so show the client too.
            field.queryset = field.queryset.select_related("client")
            field.label_from_instance = Pipeline.name_with_client
        return field

    def response_add(self, request: HttpRequest, obj: AlertRule, post_url_continue: str | None = None) -> HttpResponse:
        """After "Save", open the new rule, which shows its preview. Other buttons work as usual."""
        response = super().response_add(request, obj, post_url_continue)
        is_plain_save = "_save" in request.POST and isinstance(response, HttpResponseRedirect)
        return (
            HttpResponseRedirect(reverse("admin:alerting_alertrule_change", args=[obj.pk]))
            if is_plain_save
            else response
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the masked destination to users who cannot change the rule."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        masked_field = {"destination": "shown_destination"}
        return [
            (title, {"fields": [masked_field.get(field, field) for field in options["fields"]]})
            for title, options in fieldsets
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: AlertRule | None = None) -> Any:
        # get_fieldsets() can use shown_destination, which is not a field of the form. So it must be read-only.
        return (*super().get_readonly_fields(request, obj), "shown_destination")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AlertRule], search_term: str
    ) -> tuple[QuerySet[AlertRule], bool]:
        matching, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        # Destinations are not in search_fields. By searching in whole destinations, users could find out a secret.
        if text := search_term.strip():
            matching |= filter_by_destination(queryset, text)
        return matching, may_have_duplicates

    @display(description="destination", ordering="destination")
    def shown_destination(self, rule: AlertRule) -> str:
        return rule.shown_destination

    @display(description="scope", ordering="pipeline__name")
    def scope(self, rule: AlertRule) -> str:
        """Return what the rule watches: the name of its pipeline, or "all pipelines" of its client."""
        return rule.pipeline.name if rule.pipeline else "all pipelines"

    @display(description="client", ordering="owning_client_name")
    def client_link(self, rule: Any) -> SafeString:
        address = reverse("console:client", args=[rule.owning_client_id])
        return format_html('<a class="chm-link" href="{}">{}</a>', address, rule.owning_client_name)

    @display(description="state")
    def state(self, rule: Any) -> SafeString:
        """Return the badge of the rule's state. RuleChangeList has set `is_firing`."""
        if not rule.is_enabled:
            return badge("canceled", "disabled")
        return badge("failed", "firing") if rule.is_firing else badge("success", "OK")

    @display(description="type", ordering="rule_type")
    def shown_type(self, rule: AlertRule) -> str:
        return rule.get_rule_type_display()

    @display(description="condition")
    def condition(self, rule: AlertRule) -> str | None:
        if rule.threshold is None or rule.window_minutes is None:
            return None
        return f"{rule.threshold} in {_duration_text(rule.window_minutes)}"

    @display(description="destination", ordering="destination")
    def channel_and_destination(self, rule: AlertRule) -> str:
        return f"{rule.get_channel_display()}: {rule.shown_destination}"
