"""The page of a shift's handover: the same content as the API and the Markdown, with links."""

from dataclasses import dataclass, replace

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from chm_project.access.my_clients import my_clients
from chm_project.access.visibility import visibility_of
from chm_project.console.pages.board_scope import choices, scope_of
from chm_project.console.pages.views import READ, console_page, for_roles
from chm_project.handover.report import LONGEST, Handover, read_handover
from chm_project.handover.texts import markdown
from runs.reporting.adapter import Row

# More rows are counted, not shown.
MOST_ROWS = 200
_FORMS = {
    "client": "admin:inventory_client_change",
    "pipeline": "admin:inventory_pipeline_change",
    "alert rule": "admin:alerting_alertrule_change",
}


@dataclass(frozen=True, slots=True)
class Part:
    key: str
    title: str
    empty_text: str
    rows: list[Row]
    total: int


@require_safe
@for_roles(*READ)
def page(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    scope = replace(scope_of(request), platform="", environment="", as_of=None)
    since = scope.compared_since(now)
    if since < now - LONGEST:
        raise Http404(f"A handover goes back {LONGEST.days} days at most.")
    found = read_handover(since=since, until=now, clients=scope.clients, client_id=scope.client_id)
    context = {
        "title": "Handover",
        "scope": scope,
        "choices": choices(scope, visibility_of(request)),
        "my_clients": len(my_clients(request)),
        "since": since,
        "as_of": now,
        "parts": [_part(*part) for part in _parts(found)],
        "markdown": markdown(found),
        "feed": request.build_absolute_uri(reverse("incident-feed", args=["KEY"])),
        "may_make_keys": request.user.has_perm("access.add_apitoken"),
    }
    return console_page(request, "console/handover.html", context)


def _parts(found: Handover) -> list[tuple[str, str, str, list[Row]]]:
    return [
        ("incidents", "New incidents", "No incident began.", found.incidents),
        ("recovered", "Recovered", "Nothing recovered.", found.recovered),
        ("new", "Still failing: new", "No new failure.", found.new_failures),
        ("known", "Still failing: known", "No known failure.", found.known_failures),
        ("late", "Late", "Nothing is late.", found.late),
        ("sources", "Sources overdue or failing", "Every source is read.", found.sources_dark),
        ("changes", "Changes to rules and inventory", "Nothing was changed.", found.changes),
    ]


def _part(key: str, title: str, empty_text: str, rows: list[Row]) -> Part:
    shown = rows[:MOST_ROWS]
    if key == "changes":
        shown = [{**row, "address": _form(row)} for row in shown]
    return Part(key, title, empty_text, shown, len(rows))


def _form(row: Row) -> str:
    """Return the URL of the changed object's form; empty if it was deleted."""
    return reverse(_FORMS[row["kind"]], args=[row["object_id"]]) if row["object_id"] else ""
