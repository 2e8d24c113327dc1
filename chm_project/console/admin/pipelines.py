"""Add columns with the latest run and the last runs to the list of pipelines.

A row opens the page of the pipeline.
"""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from chm_project.admin_kit.admin_bases import display
from chm_project.admin_kit.badges import status_badge
from chm_project.admin_kit.extra_columns import ExtraColumns
from chm_project.console.drawing.strips import draw_strip, strip_runs_by_pipeline
from chm_project.console.drawing.text_format import time_html
from inventory.admin import PipelineAdmin


@display(description="latest")
def latest_status(pipeline: Any) -> SafeString:
    return status_badge(pipeline.latest_run_status)


@display(description="when")
def latest_time(pipeline: Any) -> SafeString:
    return time_html(pipeline.latest_run_at, pipeline.as_of)


@display(description="last runs")
def last_runs(pipeline: Any) -> SafeString:
    return draw_strip(pipeline.strip_runs)


def add_last_runs(_request: HttpRequest, pipelines: Sequence[Any]) -> None:
    """Set the last runs and the latest run of each pipeline. One query reads the runs of all pipelines."""
    runs_by_pipeline, now = strip_runs_by_pipeline(pipeline.pk for pipeline in pipelines), timezone.now()
    for pipeline in pipelines:
        pipeline.strip_runs, pipeline.as_of = runs_by_pipeline.get(pipeline.pk, []), now
        latest = pipeline.strip_runs[-1] if pipeline.strip_runs else None
        pipeline.latest_run_status = latest.status if latest else None
        pipeline.latest_run_at = latest.event_at if latest else None


def add_run_columns() -> None:
    PipelineAdmin.row_page = "console:pipeline"
    PipelineAdmin.extra_columns = [
        ExtraColumns(
            after_column="client_link", columns=(latest_status, latest_time, last_runs), prepare_rows=add_last_runs
        )
    ]
