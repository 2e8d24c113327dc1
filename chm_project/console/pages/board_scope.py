"""The filters of the board, read from the URL."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.http.request import QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone

from chm_project.access.my_clients import ALL_CLIENTS, CLIENTS_PARAMETER, shown_clients
from chm_project.access.visibility import Visibility, visibility_of
from chm_project.admin_kit.local_times import UTC_ZONE, evening_before, parse_local_time, zone_named
from inventory.models import Client, Environment, Pipeline, Platform

# Values of `since`. The lists of changes compare the state at this time with the state now, or at `as_of`. Any other
# value is read as a time.
DAY, YESTERDAY, WORKING_EVENING, CUSTOM = "24h", "yesterday", "working_evening", "custom"
SINCE_LABELS = {
    DAY: "24 hours",
    YESTERDAY: "yesterday 18:00",
    WORKING_EVENING: "last working evening 18:00",
    CUSTOM: "another time",
}
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class BoardScope:
    """The filters of the board.

    An empty filter does not restrict. Without `as_of` the board shows the present. `zone` is the zone of times
    without an offset.
    """

    client_id: UUID | None = None
    platform: str = ""
    environment: str = ""
    since: str = ""
    since_time: datetime | None = None
    as_of: datetime | None = None
    zone: ZoneInfo = UTC_ZONE
    # Also restrict to these clients: the user's own clients, or those that the user is bound to.
    client_ids: frozenset[UUID] | None = None
    shows_all_clients: bool = False
    # Also restrict to these pipelines. The board sets this field to the pipelines that a section can show.
    pipeline_ids: tuple[UUID, ...] | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """Return the filters as parameters of shapes."""
        return ({} if self.pipeline_ids is None else {"pipelines": self.pipeline_ids}) | {
            "clients": self.client_ids,
            "client_id": self.client_id,
            "platform": self.platform or None,
            "environment": self.environment or None,
            "as_of": self.as_of,
        }

    @property
    def query(self) -> str:
        """Return the query string of the filters, with its "?"; empty without a filter."""
        values = {
            "client": self.client_id, CLIENTS_PARAMETER: ALL_CLIENTS if self.shows_all_clients else "",
            "platform": self.platform, "environment": self.environment, "since": self.since,
            "since_time": self.since_value, "as_of": self.as_of_value,
            "zone": self.zone.key if (self.since or self.as_of) and self.zone != UTC_ZONE else "",
        }  # fmt: skip
        query = urlencode({name: value for name, value in values.items() if value})
        return f"?{query}" if query else ""

    @property
    def query_for_all_clients(self) -> str:
        """Return the query string of the same filters for all clients."""
        return replace(self, shows_all_clients=True).query

    @property
    def query_for_my_clients(self) -> str:
        """Return the query string of the same filters for the user's own clients."""
        return replace(self, shows_all_clients=False).query

    def local_text(self, moment: datetime | None) -> str:
        """Return the moment in the filters' zone as the value of a datetime-local field; empty for None."""
        return "" if moment is None else f"{moment.astimezone(self.zone):%Y-%m-%dT%H:%M}"

    @property
    def since_value(self) -> str:
        return self.local_text(self.since_time)

    @property
    def as_of_value(self) -> str:
        return self.local_text(self.as_of)

    def compared_since(self, now: datetime) -> datetime:
        """Return when the comparison starts. A period such as "24h" ends at `as_of`, or at `now` if `as_of` is None."""
        end = (self.as_of or now).astimezone(self.zone)
        match self.since:
            case "" | "24h":
                # In UTC, because a day with a clock change has 23 or 25 hours.
                return end.astimezone(UTC) - timedelta(hours=24)
            case "yesterday":
                return evening_before(end, 1)
            case "working_evening":
                evenings = (evening_before(end, days_ago) for days_ago in range(1, 8))
                return next(evening for evening in evenings if evening.weekday() < SATURDAY)
            case "custom" if self.since_time is not None:
                return self.since_time
            case other:
                raise ValueError(f"No time is known for since={other}")


def scope_of(request: HttpRequest) -> BoardScope:
    """Return the scope of the request, restricted to the clients that the user sees or has chosen."""
    scope, visible = read_scope(request.GET), visibility_of(request)
    if scope.client_id is None:
        return replace(scope, client_ids=shown_clients(request))
    if not visible.sees_client(scope.client_id):
        raise Http404("There is no such client.")
    return replace(scope, client_ids=visible.clients)


def read_scope(query: QueryDict | Mapping[str, str]) -> BoardScope:
    """Return the scope; raise Http404 for invalid values, so that a wrong URL does not show an empty, green board."""
    client, platform, environment = (query.get(name, "") for name in ("client", "platform", "environment"))
    if (platform and platform not in Platform.values) or (environment and environment not in Environment.values):
        raise Http404("There is no such platform or environment.")
    try:
        client_id = UUID(client) if client else None
    except ValueError:
        raise Http404("There is no such client.") from None
    try:
        zone = zone_named(query.get("zone", ""))
        as_of = parse_local_time(query.get("as_of", ""), zone)
        since, since_time = query.get("since", ""), None
        if since == CUSTOM:
            since_time = parse_local_time(query.get("since_time", ""), zone)
            since = CUSTOM if since_time else ""
        elif since not in ("", *SINCE_LABELS):
            since, since_time = CUSTOM, parse_local_time(since, zone)
        # The board also computes times before and after these. Python has only the years 1 to 9999.
        if any(moment and not MINYEAR < moment.year < MAXYEAR for moment in (as_of, since_time)):
            raise ValueError("The year is too early or too late.")
    except (ValueError, OverflowError):
        raise Http404("There is no such time.") from None
    if since_time is not None and since_time >= (as_of or timezone.now()):
        raise Http404("The comparison must start before the moment that the board shows.")
    shows_all_clients = query.get(CLIENTS_PARAMETER) == ALL_CLIENTS
    return BoardScope(
        client_id, platform, environment, since, since_time, as_of, zone, shows_all_clients=shows_all_clients
    )


def filter_choices(scope: BoardScope, visible: Visibility) -> dict[str, list[tuple[str, str]]]:
    """Return values and labels of the filters. A disabled client is included if the URL selects it.

    Raise Http404 if the URL selects an unknown client.
    """
    visible_clients = visible.restrict(Client.objects.order_by("name"), client_lookup="id")
    clients = [(str(pk), name) for pk, name in visible_clients.filter(is_active=True).values_list("pk", "name")]
    if scope.client_id and str(scope.client_id) not in dict(clients):
        disabled = get_object_or_404(visible_clients, pk=scope.client_id)
        clients.append((str(disabled.pk), f"{disabled.name} (disabled)"))
    return {
        "client": clients,
        "platform": list(Platform.choices),
        "environment": list(Environment.choices),
        "since": list(SINCE_LABELS.items()),
    }


def why_board_is_empty(scope: BoardScope) -> str:
    """Return why the scope has no active pipeline; "" if it has one. Without a reason, an empty board looks green."""
    pipelines: QuerySet[Pipeline] = Pipeline.objects.active()
    if scope.client_ids is not None:
        pipelines = pipelines.filter(client__in=scope.client_ids)
    for field, value in (
        ("client", scope.client_id),
        ("platform", scope.platform),
        ("environment", scope.environment),
    ):
        if value:
            pipelines = pipelines.filter(**{field: value})
    if pipelines.exists():
        return ""
    client = Client.objects.filter(pk=scope.client_id, is_active=False).first() if scope.client_id else None
    if client is not None:
        return (
            f"{client.name} is disabled: CHM does not ingest its pipelines, and does not check whether they fail or "
            "are late. Its history is kept."
        )
    if scope.client_id or scope.platform or scope.environment or scope.client_ids is not None:
        return "No active pipeline matches these filters."
    return "No pipeline yet. When pipelines exist, this page shows which fail or are late."
