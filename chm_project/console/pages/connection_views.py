"""The pages of connections: their state, and the source's pipelines, which users can add to the inventory (adopt)."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from chm_project.console.pages.views import READ_PERMISSIONS, console_page, refuse_bound_users, require_permissions
from ingestion.adoption import MAX_ADOPTED, adopt_from_source
from ingestion.connection_status import ConnectionStatus, missing_pipelines, paused_pipelines, read_status
from ingestion.connections import ConfigurationError, configured_connections
from inventory.models import Client, PipelineType

# The permissions that the import of pipelines needs, because adopting uses its code.
ADOPT_PERMISSIONS = ("inventory.add_pipeline", "inventory.change_pipeline")
MAX_LISTED, MAX_FAULTS = 200, 5


@require_safe
@require_permissions(*READ_PERMISSIONS)
@refuse_bound_users
def connections_page(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    try:
        connections = configured_connections()
    except ConfigurationError:
        connections = {}
    statuses = [read_status(connection, connections, now) for connection in connections.values()]
    return console_page(
        request, "console/connections.html", {"title": "Connections", "statuses": statuses, "as_of": now}
    )


@require_safe
@require_permissions(*READ_PERMISSIONS)
@refuse_bound_users
def connection_page(request: HttpRequest, name: str) -> HttpResponse:
    status = _status(name)
    pipelines = status.pipelines.select_related("client")
    context: dict[str, Any] = {
        "title": f"Connection {name}",
        "as_of": timezone.now(),
        "status": status,
        "unmatched": status.unmatched[:MAX_LISTED],
        "missing": missing_pipelines(pipelines)[:MAX_LISTED],
        "paused": paused_pipelines(pipelines)[:MAX_LISTED],
        "import_errors": status.import_errors[:MAX_LISTED],
        "may_adopt": request.user.has_perms(ADOPT_PERMISSIONS),
        "clients": Client.objects.active(),
        "pipeline_types": PipelineType.choices,
        "max_adopted": MAX_ADOPTED,
    }
    return console_page(request, "console/connection.html", context)


@require_POST
@require_permissions(*READ_PERMISSIONS)
@refuse_bound_users
def adopt_pipelines(request: HttpRequest, name: str) -> HttpResponse:
    if not request.user.has_perms(ADOPT_PERMISSIONS):
        raise PermissionDenied
    status = _status(name)
    chosen = request.POST.getlist("external_id")
    if "all" in request.POST:
        chosen = [each.external_id for each in status.unmatched[:MAX_ADOPTED]]
    result = adopt_from_source(
        status,
        chosen,
        client=request.POST.get("client", ""),
        pipeline_type=request.POST.get("pipeline_type", ""),
        user_id=request.user.pk,
    )
    if result.faults:
        for fault in result.faults[:MAX_FAULTS]:
            where = f"Selected pipeline {fault.row_number}, {fault.column}: " if fault.row_number else ""
            messages.error(request, where + fault.message)
        messages.error(request, "Nothing was adopted.")
    elif not result.additions:
        messages.warning(request, "Select at least one pipeline.")
    else:
        count = len(result.additions)
        message = f"Adopted {count} pipeline{'' if count == 1 else 's'}. The next ingestion reads all their runs."
        messages.success(request, message)
    return HttpResponseRedirect(reverse("console:connection", args=[name]))


def _status(name: str) -> ConnectionStatus:
    try:
        connections = configured_connections()
    except ConfigurationError:
        connections = {}
    if name not in connections:
        raise Http404("There is no such connection.")
    return read_status(connections[name], connections, timezone.now())
