"""URLs of the run list with filters, so that a bar or a number links to the runs that it counts."""

from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from chm_project.access.my_clients import ALL_CLIENTS, CLIENTS_PARAMETER
from runs.changelist import CLIENT_LOOKUP


def _run_list_url(since: datetime, until: datetime, filters: dict[str, str]) -> str:
    """Return the URL of the run list for a time window; `filters` are query parameters of that list."""
    window = {"since": f"{since:%Y-%m-%dT%H:%M}", "until": f"{until:%Y-%m-%dT%H:%M}"}
    return f"{reverse('admin:runs_run_changelist')}?{urlencode(window | filters)}"


def window_of_day(day: date) -> tuple[datetime, datetime]:
    """Return when a UTC day and the next UTC day begin."""
    since = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return since, since + timedelta(days=1)


def client_runs_url(client_id: UUID, day: date, *, status: str = "") -> str:
    """Return the URL of the run list for one client and one UTC day."""
    filters = {"status__exact": status} if status else {}
    return _run_list_url(*window_of_day(day), filters | {CLIENT_LOOKUP: str(client_id)})


def filtered_runs_url(parameters: dict[str, object], since: datetime, until: datetime, *, status: str = "") -> str:
    """Return the URL of the run list for a time window within the board's filters. Both moments are in UTC."""
    filters = {
        "status__exact": status,
        "pipeline__platform__exact": str(parameters["platform"] or ""),
        "pipeline__environment__exact": str(parameters["environment"] or ""),
        CLIENT_LOOKUP: str(parameters["client_id"] or ""),
        # Without this parameter, the run list shows only the user's own clients. If the board shows all clients, the
        # run list must show them too.
        CLIENTS_PARAMETER: ALL_CLIENTS if parameters["clients"] is None and not parameters["client_id"] else "",
    }
    return _run_list_url(since, until, {name: value for name, value in filters.items() if value})
