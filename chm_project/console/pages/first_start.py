"""The steps of a new installation, shown instead of the board until the first run."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from chm_project.access.models import ApiToken, Scope
from ingestion.connections import ConfigurationError, configured_connections
from inventory.models import Client, Pipeline
from runs.models import Run


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the setup. `url` is the page for it; empty if the user may not open that page."""

    name: str
    about: str
    is_done: bool
    url: str = ""
    action: str = ""


def first_steps(request: HttpRequest) -> list[Step]:
    """Return the steps of the setup; empty if CHM has received a run."""
    if Run.objects.exists():
        return []

    def url_if_allowed(name: str, permission: str) -> str:
        return reverse(name) if request.user.has_perm(permission) else ""

    return [
        Step(
            "Add a client", "A client owns pipelines, rules and reports.", Client.objects.active().exists(),
            url_if_allowed("admin:inventory_client_add", "inventory.add_client"), "Add client",
        ),
        Step(
            "Add its pipelines", "One by one, or many from a CSV or XLSX file.", Pipeline.objects.active().exists(),
            url_if_allowed("admin:inventory_pipeline_import", "inventory.add_pipeline"), "Import pipelines",
        ),
        Step(
            "Connect an orchestrator, or make a ping key",
            "CHM reads runs through the connections in CHM_CONNECTIONS_FILE. Other jobs report their runs with a key.",
            _can_receive_runs(),
            url_if_allowed("admin:access_apitoken_add", "access.add_apitoken"), "Make a ping key",
        ),
        Step(
            "Receive the first run",
            "It arrives with the next ingestion, or when a job reports. Then this page shows the health board.",
            is_done=False,
        ),
    ]  # fmt: skip


def _can_receive_runs() -> bool:
    """Return whether a connection is configured or a valid token may push runs."""
    try:
        if configured_connections():
            return True
    # CHM reads no runs if the connections file has a mistake, so treat this as no connection.
    except ConfigurationError:
        pass
    return ApiToken.objects.valid().exclude(scope=Scope.READ).exists()
