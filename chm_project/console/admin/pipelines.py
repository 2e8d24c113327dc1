"""Add the latest and last runs to the list of pipelines; its rows open the health page."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from chm_project.admin_kit.admin_bases import display
from chm_project.admin_kit.badges import status_badge
from chm_project.admin_kit.extra_columns import ExtraColumns
from chm_project.console.drawing.strips import draw, marks_of
from chm_project.console.drawing.text_format import when
from inventory.admin import PipelineAdmin


@display(description="latest")
def latest_status(pipeline: Any) -> SafeString:
    return status_badge(pipeline.latest_run_status)


@display(description="when")
def latest_time(pipeline: Any) -> SafeString:
    return when(pipeline.latest_run_at, pipeline.judged_at)


@display(description="last runs")
def last_runs(pipeline: Any) -> SafeString:
    return draw(pipeline.marks)


def add_marks(_request: HttpRequest, pipelines: Sequence[Any]) -> None:
    """Set the last runs of each pipeline with one query."""
    marks, now = marks_of(pipeline.pk for pipeline in pipelines), timezone.now()
    for pipeline in pipelines:
        pipeline.marks, pipeline.judged_at = marks.get(pipeline.pk, []), now
        latest = pipeline.marks[-1] if pipeline.marks else None
        pipeline.latest_run_status = latest.status if latest else None
        pipeline.latest_run_at = latest.event_at if latest else None


def add_latest_run() -> None:
    PipelineAdmin.row_page = "console:pipeline"
    PipelineAdmin.extra_columns = [
        ExtraColumns(after="client_link", columns=(latest_status, latest_time, last_runs), prepare=add_marks)
    ]
