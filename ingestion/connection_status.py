"""Read the status of a connection: its walks, its errors, and its source's pipelines compared with the inventory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from ingestion.circuit import Circuit
from ingestion.connections import Connection
from ingestion.schedule import Phased
from ingestion.source_inventory import SourceList, last_list
from inventory.models import Pipeline

MAX_ERRORS = 5  # different error texts that are shown per connection


@dataclass(frozen=True, slots=True)
class UnmatchedPipeline:
    """A pipeline that exists only at the source.

    `client` is the name of its client by the connection's rules, or "" if no rule applies.
    """

    external_id: str
    name: str
    paused: bool | None
    client: str


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """The status of one connection.

    `failing_count` is the number of pipelines whose last ingestion failed. `errors` contains the MAX_ERRORS most
    frequent error texts, each with the number of pipelines that have it. `source` is the result of the last attempt to
    read the source's list, or None.
    """

    connection: Connection
    pipeline_count: int
    missing_count: int
    paused_count: int
    failing_count: int
    last_walk_at: datetime | None
    next_walk_at: datetime
    errors: list[tuple[str, int]]
    unmatched: list[UnmatchedPipeline]
    import_errors: tuple[str, ...]
    source: SourceList | None

    @property
    def selected(self) -> QuerySet[Pipeline]:
        return selected_pipelines(self.connection)

    def as_dict(self) -> dict[str, Any]:
        def names_of(rows: QuerySet[Pipeline]) -> list[dict[str, str | None]]:
            values = rows.values_list("external_id", "name", "client__name")
            return [
                {"external_id": external_id, "name": name, "client": client} for external_id, name, client in values
            ]

        return {
            "name": self.connection.name,
            "connector": self.connection.connector,
            "base_url": self.connection.base_url,
            "interval_seconds": self.connection.interval_seconds,
            "pipelines": self.pipeline_count,
            "last_walk_at": self.last_walk_at and self.last_walk_at.isoformat(),
            "next_walk_at": self.next_walk_at.isoformat(),
            "errors": [{"error": error, "pipelines": count} for error, count in self.errors],
            "list_read_at": self.source and self.source.read_at and self.source.read_at.isoformat(),
            "list_error": self.source.error if self.source else "",
            "unmatched": [
                {"external_id": row.external_id, "name": row.name, "paused": row.paused, "client": row.client}
                for row in self.unmatched
            ],
            "missing": names_of(missing_pipelines(self.selected)),
            "paused": names_of(paused_pipelines(self.selected)),
            "import_errors": list(self.import_errors),
        }


def selected_pipelines(connection: Connection) -> QuerySet[Pipeline]:
    return Pipeline.objects.ingestible().filter(connection.condition()).order_by("client__name", "name", "id")


def missing_pipelines(pipelines: QuerySet[Pipeline]) -> QuerySet[Pipeline]:
    """Return the pipelines that are not in their source's list."""
    return pipelines.exclude(source_missing_since=None)


def paused_pipelines(pipelines: QuerySet[Pipeline]) -> QuerySet[Pipeline]:
    """Return the pipelines that are paused at their source."""
    return pipelines.filter(source_paused=True)


def read_status(connection: Connection, connections: Mapping[str, Connection], now: datetime) -> ConnectionStatus:
    """Return the status of one connection, without a request to its source."""
    selected = selected_pipelines(connection)
    counts = selected.aggregate(
        pipeline_count=Count("pk"),
        missing_count=Count("source_missing_since"),
        paused_count=Count("pk", filter=Q(source_paused=True)),
        failing_count=Count("last_ingest_error"),
        last_walk_at=Max("last_ingest_at"),
    )
    source = last_list(connection.name)
    errors = (
        selected.exclude(last_ingest_error=None)
        .order_by()  # otherwise Django adds the columns of the order to GROUP BY
        .values_list("last_ingest_error")
        .annotate(pipelines=Count("pk"))
        .order_by("-pipelines", "last_ingest_error")
    )
    pause = timedelta(seconds=Circuit(connection.name, connection.interval_seconds).pause_seconds())
    return ConnectionStatus(
        connection=connection,
        next_walk_at=Phased(connection.interval_seconds, connection.name).next_at(now + pause),
        errors=[(str(text), count) for text, count in errors[:MAX_ERRORS]],
        unmatched=_unmatched(connection, connections.values(), source),
        import_errors=source.import_errors if source else (),
        source=source,
        **counts,
    )


def _unmatched(
    connection: Connection, connections: Iterable[Connection], source: SourceList | None
) -> list[UnmatchedPipeline]:
    """Return the pipelines that the source lists and the inventory does not have, compared by external id.

    Disabled pipelines and pipelines of other connections to the same source are compared too.
    """
    if source is None or not source.unmatched:
        return []
    same_source = Q(pk__in=[])
    for other in connections:
        if (other.connector, other.base_url) == (connection.connector, connection.base_url):
            same_source |= other.condition()
    # Compared again here: pipelines may have been added since the list was read.
    known_ids = set(Pipeline.objects.filter(same_source).values_list("external_id", flat=True))
    return [
        UnmatchedPipeline(external_id, name, is_paused, connection.client_of(external_id))
        for external_id, (name, is_paused) in sorted(source.unmatched.items())
        if external_id not in known_ids and connection.pipelines.allows_external_id(external_id)
    ]
