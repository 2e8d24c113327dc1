"""The pipelines' list with their latest status, which the inventory on its own does not know."""

from datetime import datetime
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from inventory.admin import PipelineAdmin
from inventory.bases import display
from inventory.models import Pipeline
from runs.admin import STATUS_COLOURS
from runs.models import Run


class PipelineConsole(PipelineAdmin):
    list_display = (
        "name", "client", "latest_status", "latest_start", "platform", "pipeline_type", "environment", "is_active",
        "ingestion",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pipeline]:
        latest = Run.objects.filter(pipeline=OuterRef("pk")).latest_first()
        return (
            super()
            .get_queryset(request)
            .annotate(
                status=Subquery(latest.values("status")[:1]), started_at=Subquery(latest.values("started_at")[:1])
            )
        )

    @display(description="latest status", label=STATUS_COLOURS)
    def latest_status(self, pipeline: Any) -> str | None:
        return str(pipeline.status) if pipeline.status else None

    @display(description="latest start")
    def latest_start(self, pipeline: Any) -> datetime | None:
        started_at: datetime | None = pipeline.started_at
        return started_at
