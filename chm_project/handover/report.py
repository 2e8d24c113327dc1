"""Read what happened in a shift, and the state at its end, from shapes and from the admin log."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from alerting.models import AlertRule
from chm_project.admin_kit.change_text import change_text
from inventory.models import Client, Pipeline
from runs.planned_maintenance import add_maintenance_columns
from runs.reporting.run_shapes import Row, run_query, run_shape

MAX_CHANGES = 200
# The maximum length of a handover.
MAX_SHIFT = timedelta(days=31)
# An ended incident is part of a current one with the same cause if the time between them is at most MAX_INCIDENT_GAP.
# If the cause is vague, the maximum is MAX_VAGUE_INCIDENT_GAP (decision 0028).
MAX_INCIDENT_GAP = timedelta(hours=1)
MAX_VAGUE_INCIDENT_GAP = timedelta(minutes=15)
_ENDED_INCIDENTS_SQL = (Path(__file__).parent / "sql" / "ended_incidents.sql").read_text()
KIND_BY_MODEL = {"client": "client", "pipeline": "pipeline", "alertrule": "alert rule"}


@dataclass(frozen=True, slots=True)
class Handover:
    """The report about a shift.

    - `incidents`: the incidents that began in the shift, first the current ones, then those with an `ended_at`.
    - `failing`: the failing pipelines, first the new failures, then the known failures.
    - `sources_dark`: the sources that are overdue or whose ingestion fails.
    - `changes`: the newest changes, at most MAX_CHANGES of `change_count`.
    """

    since: datetime
    until: datetime
    incidents: list[Row]
    recovered: list[Row]
    failing: list[Row]
    late: list[Row]
    sources_dark: list[Row]
    changes: list[Row]
    change_count: int

    @property
    def new_failures(self) -> list[Row]:
        return [row for row in self.failing if not row["known"]]

    @property
    def known_failures(self) -> list[Row]:
        return [row for row in self.failing if row["known"]]


def read_handover(
    *, since: datetime, until: datetime, client_ids: Collection[UUID] | None = None, client_id: UUID | None = None
) -> Handover:
    """Return the handover of the shift from `since` to `until`. `until` is the current time.

    `client_ids` and `client_id` restrict the handover to these clients. If both are None, it covers all clients.
    """
    if client_id is not None:
        client_ids = {client_id} if client_ids is None else {client_id} & set(client_ids)
    scope: dict[str, Any] = {"clients": client_ids, "now": until}
    changed_pipelines = run_shape("changes_since_yesterday", since=since, **scope)
    incidents = _incidents(since, until, scope)
    failing, late = run_shape("failing_now", **scope), run_shape("late_pipelines", **scope)
    add_maintenance_columns([*incidents, *failing, *late], as_of=until)
    changes = _changes(since, client_ids)
    return Handover(
        since=since,
        until=until,
        incidents=incidents,
        recovered=[row for row in changed_pipelines if row["change"] == "recovered"],
        failing=failing,
        late=late,
        sources_dark=[
            row for row in run_shape("ingestion_health", **scope) if row["stale"] or row["failing_ingestion"]
        ],
        changes=[_change_row(entry) for entry in changes[:MAX_CHANGES]],
        change_count=changes.count(),
    )


def _incidents(since: datetime, until: datetime, scope: dict[str, Any]) -> list[Row]:
    current = run_shape("incidents", **scope)
    ended = run_query(_ENDED_INCIDENTS_SQL, query_values={"since": since, "until": until}, **scope)
    only_ended = [row for row in ended if not any(_are_one_incident(row, other) for other in current)]
    for row in only_ended:
        # Only _are_one_incident needs this column. Current incidents do not have it.
        del row["is_vague"]
    return [*({**row, "ended_at": None} for row in current if row["since"] >= since), *only_ended]


def _are_one_incident(ended: Row, current: Row) -> bool:
    max_gap = MAX_VAGUE_INCIDENT_GAP if ended["is_vague"] else MAX_INCIDENT_GAP
    is_near = ended["since"] <= current["until"] + max_gap and ended["until"] >= current["since"] - max_gap
    return bool(ended["incident"] == current["incident"] and is_near)


def _changes(since: datetime, client_ids: Collection[UUID] | None) -> QuerySet[LogEntry]:
    """Return the log entries of changes to clients, pipelines and alert rules, newest first.

    If `client_ids` is not None, omit changes to deleted objects, because it is unknown to which client they belonged.
    """
    entries = LogEntry.objects.filter(action_time__gte=since, content_type__model__in=KIND_BY_MODEL)
    if client_ids is not None:
        entries = entries.filter(object_id__in=_object_ids_of(client_ids))
    return entries.select_related("content_type").order_by("-action_time", "-pk")


def _change_row(entry: LogEntry) -> Row:
    return {
        "changed_at": entry.action_time,
        "object_id": None if entry.is_deletion() else entry.object_id,
        "kind": KIND_BY_MODEL[str(entry.content_type.model)] if entry.content_type else "",
        "name": entry.object_repr,
        "change": change_text(entry),
    }


def _object_ids_of(client_ids: Collection[UUID]) -> list[str]:
    belongs_to_clients = Q(owning_client_id__in=client_ids)
    rules: Any = AlertRule.objects.annotate(owning_client_id=Coalesce(F("pipeline__client_id"), F("client_id"))).filter(
        belongs_to_clients
    )
    pipelines = Pipeline.objects.filter(client__in=client_ids)
    client_rows = Client.objects.filter(pk__in=client_ids)
    return [
        str(object_id)
        for queryset in (client_rows, pipelines, rules)
        for object_id in queryset.values_list("pk", flat=True)
    ]
