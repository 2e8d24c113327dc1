from django.urls import path

from chm_project.api import path_converters  # noqa: F401  # the converter of <id:...>
from runs.api.known_failures import KnownFailureView
from runs.api.push import DbtRunResultsViewSet, LineageView
from runs.api.report_index import ReportIndexView
from runs.api.reports import report_urls
from runs.api.views import ClientSummaryViewSet, PipelineRunViewSet, RunBatchViewSet, RunViewSet

urlpatterns = [
    path("runs", RunViewSet.as_view({"get": "list"}), name="runs"),
    path("runs/batch", RunBatchViewSet.as_view({"post": "push"}), name="run-batch"),
    path("runs/<id:run_id>", RunViewSet.as_view({"get": "retrieve"}), name="run"),
    path(
        "pipelines/<id:pipeline_id>/runs",
        PipelineRunViewSet.as_view({"get": "list", "post": "create"}),
        name="pipeline-runs",
    ),
    # This route comes first, because the next one would also match `latest`.
    path(
        "pipelines/<id:pipeline_id>/runs/latest",
        PipelineRunViewSet.as_view({"get": "latest", "put": "push_latest"}),
        name="pipeline-latest-run",
    ),
    path(
        "pipelines/<id:pipeline_id>/runs/<rest:external_run_id>",
        PipelineRunViewSet.as_view({"get": "read", "put": "push"}),
        name="pipeline-run",
    ),
    path(
        "pipelines/<id:pipeline_id>/dbt_run_results",
        DbtRunResultsViewSet.as_view({"post": "push"}),
        name="pipeline-dbt-run-results",
    ),
    path("pipelines/<id:pipeline_id>/known_failure", KnownFailureView.as_view(), name="pipeline-known-failure"),
    path("lineage", LineageView.as_view(), name="lineage"),
    path(
        "clients/<id:client_id>/runs/summary",
        ClientSummaryViewSet.as_view({"get": "summary"}),
        name="client-summary",
    ),
    path("reports", ReportIndexView.as_view(), name="reports"),
    *report_urls(),
]
