"""Read the status of a connection: its walks, its errors, and its source's pipelines compared with the inventory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from ingestion.circuit import CircuitBreaker
from ingestion.connections import Connection
from ingestion.schedule import Phased
from ingestion.source_pipelines import SourceList, last_list_result
from inventory.models import Pipeline

MAX_ERRORS = 5  # different error texts that are shown per connection


@dataclass(frozen=True, slots=True)
class UnmatchedPipeline:
    """A pipeline that the source lists and the inventory does not have.

    `client` is the name of the client that the connection's rules assign, or "" if the user must choose a client.
    """

    external_id: str
    name: str
    paused: bool | None
    client: str


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """The status of one connection.

    `failed_walk_count` is the number of pipelines whose last walk failed. `errors` contains the MAX_ERRORS most
    frequent error texts, each with the number of pipelines that have it. `import_errors` contains the external ids
    of pipelines whose definition the source cannot load. `source_list` is the result of the last attempt to read the
    source's list of pipelines, or None if no result is stored.
    """

    connection: Connection
    pipeline_count: int
    missing_count: int
    paused_count: int
    failed_walk_count: int
    last_walk_at: datetime | None
    next_walk_at: datetime
    errors: list[tuple[str, int]]
    unmatched: list[UnmatchedPipeline]
    import_errors: tuple[str, ...]
    source_list: SourceList | None

    @property
    def pipelines(self) -> QuerySet[Pipeline]:
        return selected_pipelines(self.connection)

    def as_dict(self) -> dict[str, Any]:
        def as_dicts(pipelines: QuerySet[Pipeline]) -> list[dict[str, str | None]]:
            values = pipelines.values_list("external_id", "name", "client__name")
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
            "list_read_at": self.source_list and self.source_list.read_at and self.source_list.read_at.isoformat(),
            "list_error": self.source_list.error if self.source_list else "",
            "unmatched": [
                {"external_id": row.external_id, "name": row.name, "paused": row.paused, "client": row.client}
                for row in self.unmatched
            ],
            "missing": as_dicts(missing_pipelines(self.pipelines)),
            "paused": as_dicts(paused_pipelines(self.pipelines)),
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
    pipelines = selected_pipelines(connection)
    counts = pipelines.aggregate(
        pipeline_count=Count("pk"),
        missing_count=Count("source_missing_since"),
        paused_count=Count("pk", filter=Q(source_paused=True)),
        failed_walk_count=Count("last_ingest_error"),
        last_walk_at=Max("last_ingest_at"),
    )
    source_list = last_list_result(connection.name)
    errors = (
        pipelines.exclude(last_ingest_error=None)
        .order_by()  # removes the order of `pipelines`, whose columns Django would add to GROUP BY
        .values_list("last_ingest_error")
        .annotate(pipelines=Count("pk"))
        .order_by("-pipelines", "last_ingest_error")
    )
    pause = timedelta(seconds=CircuitBreaker(connection.name, connection.interval_seconds).pause_seconds())
    return ConnectionStatus(
        connection=connection,
        next_walk_at=Phased(connection.interval_seconds, connection.name).next_at(now + pause),
        errors=[(str(text), count) for text, count in errors[:MAX_ERRORS]],
        unmatched=_unmatched(connection, connections.values(), source_list),
        import_errors=source_list.import_errors if source_list else (),
        source_list=source_list,
        **counts,
    )


def _unmatched(
    connection: Connection, connections: Iterable[Connection], source_list: SourceList | None
) -> list[UnmatchedPipeline]:
    """Return the pipelines that the source lists and the inventory does not have, compared by external id.

    The inventory here includes disabled pipelines, and the pipelines of other connections to the same source.
    """
    if source_list is None or not source_list.unmatched:
        return []
    same_source = Q(pk__in=[])
    for other in connections:
        if (other.connector, other.base_url) == (connection.connector, connection.base_url):
            same_source |= other.condition()
    # The list was compared with the inventory when CHM read it. Users may have added pipelines since then.
    known_ids = set(Pipeline.objects.filter(same_source).values_list("external_id", flat=True))
    return [
        UnmatchedPipeline(external_id, name, is_paused, connection.client_of(external_id))
        for external_id, (name, is_paused) in sorted(source_list.unmatched.items())
        if external_id not in known_ids and connection.pipelines.allows_external_id(external_id)
    ]
