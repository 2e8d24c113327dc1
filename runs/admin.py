"""Runs in the console: evidence, so read-only for everyone."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html

from chm_project.access.my_clients import PARAMETER
from chm_project.admin_kit.admin_bases import ChoicesFilter, ModelAdmin, ReadOnlyMixin, display
from chm_project.admin_kit.visible_rows import VisibleChoiceFilter, VisibleRowsMixin, my_clients_filter
from runs.changelist import CLIENT, PERIOD, PIPELINE, WALKING, PeriodFilter, RunChangeList
from runs.models import SEARCHED_ID, Run
from runs.run_page import read_run

STATUS_COLOURS = {"running": "info", "success": "success", "failed": "danger", "canceled": "warning", "skipped": ""}
# An id is found exactly; of a beginning that fits more runs than this, only so many are listed.
FOUND = 1000


class UncountedPaginator(Paginator):  # type: ignore[type-arg]  # not subscriptable when it runs
    template_name = "admin/runs/run/older_and_newer.html"


@admin.register(Run)
class RunAdmin(VisibleRowsMixin[Run], ReadOnlyMixin, ModelAdmin[Run]):
    client_path = "pipeline__client_id"
    list_display = ("run_id", "pipeline", "client", "shown_status", "happened", "took", "error")
    list_filter = (
        my_clients_filter("pipeline__client_id", CLIENT, PIPELINE, "q"),
        ("event_at", PeriodFilter),
        ("status", ChoicesFilter),
        ("pipeline__client", VisibleChoiceFilter),
        ("pipeline", VisibleChoiceFilter),
        ("pipeline__platform", ChoicesFilter),
        ("pipeline__environment", ChoicesFilter),
    )
    list_filter_submit = True
    list_select_related = ("pipeline__client",)
    paginator = UncountedPaginator
    search_fields = ("external_run_id",)
    search_help_text = "Run id, whole or its beginning"
    # The list has one order, newest first, which an index carries.
    sortable_by = ()
    ordering = ("-event_at", "-id")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    exclude = ("started_at_kept", "error_message_fetched")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RunChangeList]:
        return RunChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        runs = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name == "runs_run_changelist":
            # A page of a hundred needs neither payloads nor texts of a megabyte.
            return runs.defer("payload", "error_message", "status_reason").annotate(
                error_start=Left("error_message", 120)
            )
        return runs

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the run's own page in place of a form: runs are evidence."""
        try:
            run = self.visible(request, Run.objects.select_related("pipeline__client")).get(pk=UUID(object_id))
        except (ValueError, Run.DoesNotExist):
            raise Http404("There is no such run.") from None
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), **read_run(run), "title": f"Run {run.external_run_id}"}
        return TemplateResponse(request, "console/run.html", context)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Nothing but the filters: any other column would be looked for in every run."""
        return lookup in (*WALKING, CLIENT, PIPELINE, *PERIOD, PARAMETER)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Run], search_term: str
    ) -> tuple[QuerySet[Run], bool]:
        if not (text := search_term.strip()):
            return queryset, False
        begins = Run.objects.alias(searched=SEARCHED_ID).filter(searched__startswith=text).order_by("searched")
        found = list(self.visible(request, begins).values_list("pk", flat=True)[: FOUND + 1])
        if len(found) > FOUND:
            messages.warning(
                request, f"More than {FOUND} runs have an id that begins so; {FOUND} are listed. Type more of it."
            )
        return queryset.filter(pk__in=[*found[:FOUND], *_own_id(text)]), False

    @display(description="status", label=STATUS_COLOURS)
    def shown_status(self, run: Run) -> str:
        return run.status

    @display(description="client")
    def client(self, run: Run) -> str:
        return run.pipeline.client.name

    @display(description="run")
    def run_id(self, run: Run) -> str:
        return run.external_run_id

    @display(description="happened")
    def happened(self, run: Run) -> datetime:
        """When it finished, else started: what the list is sorted by."""
        moment: datetime = run.event_at
        return moment

    @display(description="took")
    def took(self, run: Run) -> str | None:
        if run.duration_seconds is None:
            return None
        return format_html('<span class="whitespace-nowrap">{}</span>', in_words(run.duration_seconds))

    @display(description="error")
    def error(self, run: Any) -> str | None:
        line: str = (run.error_start or "").strip().partition("\n")[0]
        return f"{line[:79]}…" if len(line) > 80 else line or None


def _own_id(text: str) -> list[UUID]:
    try:
        return [UUID(text)]
    except ValueError:
        return []


def in_words(seconds: int) -> str:
    """Two units at most: 45 s, 12 min 5 s, 3 h 20 min, 2 d 4 h."""
    for unit, size, below, smaller in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            return f"{whole} {unit} {rest // smaller} {below}" if rest >= smaller else f"{whole} {unit}"
    return f"{seconds} s"
