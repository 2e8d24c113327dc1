"""The page for the handover of a shift: the same content as in the API and in Markdown, with links."""

from dataclasses import dataclass, replace

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from chm_project.access.my_clients import my_clients
from chm_project.access.permissions import manages_users
from chm_project.access.visibility import visibility_of
from chm_project.console.pages.board_scope import WORKING_EVENING, filter_choices, scope_of
from chm_project.console.pages.views import READ_PERMISSIONS, console_page, require_permissions
from chm_project.handover.markdown import TITLE_BY_PART, handover_as_markdown
from chm_project.handover.report import MAX_SHIFT, Handover, read_handover
from runs.reporting.run_shapes import Row

# A part of the page shows at most this many rows. Its count includes all rows.
MAX_ROWS = 200
_FORM_ROUTES = {
    "client": "admin:inventory_client_change",
    "pipeline": "admin:inventory_pipeline_change",
    "alert rule": "admin:alerting_alertrule_change",
}


@dataclass(frozen=True, slots=True)
class HandoverPart:
    key: str
    title: str
    empty_text: str
    rows: list[Row]
    total: int


@require_safe
@require_permissions(*READ_PERMISSIONS)
def handover_page(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    scope = replace(scope_of(request), platform="", environment="", as_of=None)
    # By default the handover begins on the last working evening. On a Monday, this is Friday evening.
    scope = replace(scope, since=scope.since or WORKING_EVENING)
    since = scope.compared_since(now)
    if since < now - MAX_SHIFT:
        raise Http404(f"A handover goes back {MAX_SHIFT.days} days at most.")
    if since >= now:
        raise Http404("The start of the shift must be in the past.")
    handover = read_handover(since=since, until=now, client_ids=scope.client_ids, client_id=scope.client_id)
    context = {
        "title": "Handover",
        "scope": scope,
        "choices": filter_choices(scope, visibility_of(request)),
        "my_client_count": len(my_clients(request)),
        "since": since,
        "as_of": now,
        "parts": _parts(handover),
        "markdown": handover_as_markdown(handover),
        "feed_url": request.build_absolute_uri(reverse("incident-feed", args=["KEY"])),
        "may_create_tokens": request.user.has_perm("access.add_apitoken") and manages_users(request),
    }
    return console_page(request, "console/handover.html", context)


def _parts(handover: Handover) -> list[HandoverPart]:
    parts = {
        "incidents": ("No incident began.", handover.incidents),
        "recovered": ("No pipeline recovered.", handover.recovered),
        "new": ("No failure that is not marked as known.", handover.new_failures),
        "known": ("No known failure.", handover.known_failures),
        "late": ("No pipeline is late.", handover.late),
        "sources": ("No source is overdue or failing.", handover.sources_dark),
        "changes": ("No change.", [{**row, "form_url": _form_url(row)} for row in handover.changes]),
    }
    totals = {key: len(rows) for key, (_, rows) in parts.items()} | {"changes": handover.change_count}
    return [
        HandoverPart(key, title, empty_text, rows[:MAX_ROWS], totals[key])
        for key, title in TITLE_BY_PART.items()
        for empty_text, rows in [parts[key]]
    ]


def _form_url(row: Row) -> str:
    """Return the URL of the changed object's form; empty if it was deleted."""
    return reverse(_FORM_ROUTES[row["kind"]], args=[row["object_id"]]) if row["object_id"] else ""
