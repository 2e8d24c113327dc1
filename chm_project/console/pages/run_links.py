"""Addresses of the list of runs, narrowed to what a bar or a number counts."""

from datetime import date, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from chm_project.access.my_clients import ALL, PARAMETER
from runs.changelist import CLIENT


def runs_of_day(day: date, **filters: str) -> str:
    """Return the address of the runs of a UTC day; `filters` are those of the list."""
    query = {"since": f"{day}", "until": f"{day + timedelta(days=1)}", **filters}
    return f"{reverse('admin:runs_run_changelist')}?{urlencode(query)}"


def runs_of_client(client_id: UUID, day: date, *, status: str = "") -> str:
    return runs_of_day(day, **({"status__exact": status} if status else {}), **{CLIENT: str(client_id)})


def runs_of_scope(parameters: dict[str, object], day: date, *, status: str = "") -> str:
    """Return the address of the runs of a day within the board's filters."""
    filters = {
        "status__exact": status,
        "pipeline__platform__exact": str(parameters["platform"] or ""),
        "pipeline__environment__exact": str(parameters["environment"] or ""),
        CLIENT: str(parameters["client_id"] or ""),
        # The list starts with a person's own clients, as the board does.
        PARAMETER: ALL if parameters["clients"] is None and not parameters["client_id"] else "",
    }
    return runs_of_day(day, **{name: value for name, value in filters.items() if value})
