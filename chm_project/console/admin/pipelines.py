"""Latest status and latest start in the list of pipelines, which the inventory does not know."""

from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from chm_project.admin_kit.admin_bases import display
from chm_project.admin_kit.extra_columns import ExtraColumns
from inventory.admin import PipelineAdmin
from runs.admin import STATUS_COLOURS
from runs.models import Run


@display(description="latest status", label=STATUS_COLOURS)
def latest_status(pipeline: Any) -> str | None:
    return str(pipeline.latest_run_status) if pipeline.latest_run_status else None


@display(description="latest start")
def latest_start(pipeline: Any) -> datetime | None:
    started_at: datetime | None = pipeline.latest_run_started_at
    return started_at


def add_latest_run() -> None:
    latest = Run.objects.filter(pipeline=OuterRef("pk")).latest_first()
    PipelineAdmin.extra_columns.append(
        ExtraColumns(
            after="client",
            columns=(latest_status, latest_start),
            annotations={
                "latest_run_status": Subquery(latest.values("status")[:1]),
                "latest_run_started_at": Subquery(latest.values("started_at")[:1]),
            },
        )
    )
