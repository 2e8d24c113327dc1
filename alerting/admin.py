"""Alert rules in the console."""

from django.contrib import admin

from alerting.models import AlertRule
from inventory.bases import ModelAdmin


@admin.register(AlertRule)
class AlertRuleAdmin(ModelAdmin[AlertRule]):
    list_display = (
        "rule_type",
        "client",
        "pipeline",
        "threshold",
        "window_minutes",
        "channel",
        "destination",
        "is_enabled",
    )
    list_filter = ("is_enabled", "rule_type", "channel")
    list_select_related = ("client", "pipeline")
    search_fields = ("destination", "client__name", "pipeline__name")
    autocomplete_fields = ("client", "pipeline")
    readonly_fields = ("id", "created_at", "updated_at")
