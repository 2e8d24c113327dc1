"""Runs in the console: evidence, so read-only for everyone."""

from django.contrib import admin

from inventory.bases import ModelAdmin, ReadOnlyMixin, display
from runs.models import Run

STATUS_COLOURS = {"running": "info", "success": "success", "failed": "danger", "canceled": "warning", "skipped": ""}


@admin.register(Run)
class RunAdmin(ReadOnlyMixin, ModelAdmin[Run]):
    list_display = (
        "external_run_id",
        "pipeline",
        "client",
        "shown_status",
        "started_at",
        "finished_at",
        "duration_seconds",
    )
    list_filter = ("status", "pipeline__platform", "pipeline__environment")
    list_select_related = ("pipeline__client",)
    search_fields = ("external_run_id__startswith",)
    search_help_text = "Run id, from its beginning"
    ordering = ("-event_at", "-id")
    show_full_result_count = False
    exclude = ("started_at_kept",)

    @display(description="status", ordering="status", label=STATUS_COLOURS)
    def shown_status(self, run: Run) -> str:
        return run.status

    @display(description="client", ordering="pipeline__client__name")
    def client(self, run: Run) -> str:
        return run.pipeline.client.name
