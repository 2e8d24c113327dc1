"""What happened in a shift and how things stand at its end, from the shapes and the admin's log."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from alerting.models import AlertRule
from inventory.models import Client, Pipeline
from runs.reporting.adapter import Row, run_shape

MOST_CHANGES = 200
CHANGED = {"client": "client", "pipeline": "pipeline", "alertrule": "alert rule"}


@dataclass(frozen=True, slots=True)
class Handover:
    """`incidents` began in the shift and still last; `failing` has new failures before known ones."""

    since: datetime
    until: datetime
    incidents: list[Row]
    recovered: list[Row]
    failing: list[Row]
    late: list[Row]
    sources_dark: list[Row]
    changes: list[Row]


def read_handover(*, since: datetime, until: datetime, clients: Collection[UUID] | None = None) -> Handover:
    """Return what a shift from `since` to `until`, which is now, hands over; of these clients if they are given."""
    scope: dict[str, Any] = {"clients": clients, "clock": until}
    changed = run_shape("changes_since_yesterday", since=since, **scope)
    return Handover(
        since=since,
        until=until,
        incidents=[row for row in run_shape("incidents", **scope) if row["since"] >= since],
        recovered=[row for row in changed if row["change"] == "recovered"],
        failing=run_shape("failing_now", **scope),
        late=run_shape("late_pipelines", **scope),
        sources_dark=[
            row for row in run_shape("ingestion_health", **scope) if row["stale"] or row["failing_ingestion"]
        ],
        changes=_changes(since, clients),
    )


def _changes(since: datetime, clients: Collection[UUID] | None) -> list[Row]:
    """Changes to inventory and rules, newest first; of certain clients only to what they still have."""
    entries = LogEntry.objects.filter(action_time__gte=since, content_type__model__in=CHANGED)
    if clients is not None:
        entries = entries.filter(object_id__in=_belongings(clients))
    return [
        {
            "changed_at": entry.action_time,
            "kind": CHANGED[str(entry.content_type.model)] if entry.content_type else "",
            "name": entry.object_repr,
            "change": entry.get_change_message() or "Deleted.",
        }
        for entry in entries.select_related("content_type").order_by("-action_time", "-pk")[:MOST_CHANGES]
    ]


def _belongings(clients: Collection[UUID]) -> list[str]:
    owned = Q(owner_id__in=clients)
    rules: Any = AlertRule.objects.annotate(owner_id=Coalesce(F("pipeline__client_id"), F("client_id"))).filter(owned)
    pipelines = Pipeline.objects.filter(client__in=clients)
    found = Client.objects.filter(pk__in=clients)
    return [str(key) for rows in (found, pipelines, rules) for key in rows.values_list("pk", flat=True)]
