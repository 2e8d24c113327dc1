"""The pages of runs in the console: the list, its CSV export, and the page of one run.

No user can change runs there.
"""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path

from chm_project.access.my_clients import CLIENTS_PARAMETER
from chm_project.admin_kit.admin_bases import ChoicesFilter, ModelAdmin, ReadOnlyMixin
from chm_project.admin_kit.visible_rows import VisibleChoiceFilter, VisibleRowsMixin, my_clients_filter
from chm_project.api.csv import csv_response
from runs.changelist import CLIENT_LOOKUP, LOOKUPS, PIPELINE_LOOKUP, RunChangeList
from runs.models import Run
from runs.run_detail import run_context
from runs.run_period import PERIOD_PARAMETERS, PeriodFilter

# For each column of the CSV, the path from a run to the attribute with the value.
CSV_COLUMNS = {
    "status": "status",
    "client": "pipeline.client.name",
    "pipeline": "pipeline.name",
    "platform": "pipeline.platform",
    "environment": "pipeline.environment",
    "error": "error_start",
    "started_at": "started_at",
    "finished_at": "finished_at",
    "duration_seconds": "duration_seconds",
    "rows_processed": "rows_processed",
    "external_run_id": "external_run_id",
    "id": "pk",
}
LIST_URL_NAMES = {"runs_run_changelist", "runs_run_csv"}


class UncountedPaginator(Paginator):  # type: ignore[type-arg]  # not subscriptable at run time
    """Shows links to the older and newer page instead of page numbers."""

    template_name = "admin/runs/run/older_and_newer.html"


@admin.register(Run)
class RunAdmin(VisibleRowsMixin[Run], ReadOnlyMixin, ModelAdmin[Run]):
    client_lookup = "pipeline__client_id"
    list_filter = (
        my_clients_filter("pipeline__client_id", CLIENT_LOOKUP, PIPELINE_LOOKUP, "q"),
        ("event_at", PeriodFilter),
        ("status", ChoicesFilter),
        ("pipeline__client", VisibleChoiceFilter),
        ("pipeline", VisibleChoiceFilter),
        ("pipeline__platform", ChoicesFilter),
        ("pipeline__environment", ChoicesFilter),
    )
    list_select_related = ("pipeline__client",)
    paginator = UncountedPaginator
    # Makes Django show the search field. The search itself is in runs/run_search.py.
    search_fields = ("external_run_id",)
    ordering = ("-event_at", "-id")
    # Counting would read all runs (decision 0010).
    show_full_result_count = False
    # Facets show a count beside each choice of a filter, which would read all runs.
    show_facets = admin.ShowFacets.NEVER
    exclude = ("started_at_kept", "error_message_fetched")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RunChangeList]:
        return RunChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        runs = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name in LIST_URL_NAMES:
            # Do not read payloads and texts, which are large. The list shows only the first 200 characters of an error.
            return runs.defer("payload", "error_message", "status_reason").annotate(
                error_start=Left("error_message", 200)
            )
        return runs

    def get_urls(self) -> Any:
        view = self.admin_site.admin_view(self.csv_view)
        return [path("export/csv/", view, name="runs_run_csv"), *super().get_urls()]

    def csv_view(self, request: HttpRequest) -> HttpResponseBase:
        """Return the filtered and sorted list as CSV: the whole list and not only the shown page, up to a limit."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        changelist: Any = self.get_changelist_instance(request)
        rows = (
            {name: _attribute(run, path) for name, path in CSV_COLUMNS.items()} for run in changelist.exported_runs()
        )
        headers = {"Content-Disposition": 'attachment; filename="runs.csv"', "Cache-Control": "no-store"}
        return csv_response(list(CSV_COLUMNS), rows, headers=headers)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the run's page instead of a form."""
        try:
            run = self.visible(request, Run.objects.select_related("pipeline__client")).get(pk=UUID(object_id))
        except (ValueError, Run.DoesNotExist):
            raise Http404("There is no such run.") from None
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), **run_context(run), "title": f"Run {run.external_run_id}"}
        return TemplateResponse(request, "console/run.html", context)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Return whether the list can be filtered by the lookup. Any other lookup could scan all runs."""
        return lookup in (*LOOKUPS, *PERIOD_PARAMETERS, CLIENTS_PARAMETER)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Run], search_term: str
    ) -> tuple[QuerySet[Run], bool]:
        """Return the rows unchanged, because RunChangeList searches and reads the results page by page."""
        return queryset, False


def _attribute(run: Any, path: str) -> Any:
    value = run
    for name in path.split("."):
        value = getattr(value, name)
    return value
