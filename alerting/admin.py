"""Alert rules in the console."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from alerting.models import AlertRule
from alerting.transfer import RuleSheet
from inventory.bases import AutocompleteFilter, BooleanFilter, ChoicesFilter, ModelAdmin, RecordMixin, display
from inventory.naming import with_client
from inventory.transfer.pages import TransferMixin

if TYPE_CHECKING:
    _RuleForm = forms.ModelForm[AlertRule]
else:
    _RuleForm = forms.ModelForm

NEEDED = "A rule that counts failures in a window needs this."


class RuleForm(_RuleForm):
    class Meta:
        model = AlertRule
        fields = "__all__"
        help_texts = {
            "client": "The rule watches every active pipeline of this client, unless a pipeline is named below.",
            "pipeline": (
                "A pipeline decides the scope: the rule then watches it alone, whatever the client above, and belongs "
                "to the pipeline's own client."
            ),
            "rule_type": (
                "On failure: holds while the latest run of a pipeline in scope is failed. Failures in a window: holds "
                "while at least so many runs in scope failed within the last so many minutes."
            ),
            "threshold": "Failed runs needed, counted over all pipelines in scope.",
            "window_minutes": "Length of the window, in minutes.",
            "destination": "Channel name, e-mail address or hook address. CHM stores it and sends nothing itself.",
            "is_enabled": "A disabled rule is kept and never holds.",
        }
        error_messages = {
            "client": {"alert_rules_scope_required": "Choose a client, a pipeline, or both."},
            "pipeline": {"alert_rules_scope_required": "Choose a client, a pipeline, or both."},
            "threshold": {
                "alert_rules_window_rule_complete": NEEDED,
                "alert_rules_threshold_positive": "Give a number greater than 0, or nothing.",
            },
            "window_minutes": {
                "alert_rules_window_rule_complete": NEEDED,
                "alert_rules_window_minutes_positive": "Give a number greater than 0, or nothing.",
            },
            "destination": {
                "alert_rules_enabled_unique": (
                    "Another enabled rule of this type tells this destination about the same scope already."
                ),
            },
        }

    class Media:
        js = ("alerting/rule_form.js",)


@admin.register(AlertRule)
class AlertRuleAdmin(RecordMixin, TransferMixin[AlertRule], ModelAdmin[AlertRule]):
    sheet = RuleSheet()
    form = RuleForm
    list_display = ("scope", "shown_type", "threshold", "window_minutes", "channel", "destination", "is_enabled")
    list_filter = (
        ("is_enabled", BooleanFilter),
        ("rule_type", ChoicesFilter),
        ("channel", ChoicesFilter),
        ("client", AutocompleteFilter),
        ("pipeline", AutocompleteFilter),
    )
    list_filter_submit = True
    list_select_related = ("client", "pipeline__client")
    search_fields = ("destination", "client__name", "pipeline__name", "pipeline__client__name")
    search_help_text = "Destination, client or pipeline"
    autocomplete_fields = ("client", "pipeline")
    readonly_fields = ("id", "created_at", "updated_at")
    fieldsets = (
        ("Scope", {"fields": ("client", "pipeline")}),
        ("Condition", {"fields": ("rule_type", "threshold", "window_minutes")}),
        ("Destination", {"fields": ("channel", "destination", "is_enabled")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertRule]:
        return super().get_queryset(request).select_related("client", "pipeline__client")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "pipeline" and field is not None:
            field.queryset = field.queryset.select_related("client")
            field.label_from_instance = with_client
        return field

    @display(description="scope", ordering="client__name")
    def scope(self, rule: AlertRule) -> str:
        """What the rule watches: its pipeline, else all of its client."""
        return with_client(rule.pipeline) if rule.pipeline else f"all of {rule.client}"

    @display(description="type", ordering="rule_type")
    def shown_type(self, rule: AlertRule) -> str:
        return rule.get_rule_type_display()
