"""Find the pipelines of each connection, and pipelines that several connections or no connection selects."""

from collections.abc import Collection, Mapping

from django.db.models import Case, ExpressionWrapper, IntegerField, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable

from ingestion.connections import ConfigurationError, Connection
from inventory.models import Pipeline

MAX_PIPELINES_IN_MESSAGE = 20


def assign_pipelines(
    connections: Mapping[str, Connection], names: Collection[str] | None = None
) -> dict[str, list[Pipeline]]:
    """Return the pipelines of each named connection (default: all connections), ordered by id.

    Raise ConfigurationError if two connections select the same pipeline.
    """
    named_connections = {name: connections[name] for name in (connections if names is None else names)}
    if mistakes := _overlap_mistakes(connections, named_connections):
        raise ConfigurationError(mistakes)
    return {
        name: list(Pipeline.objects.ingestible().filter(connection.condition()).order_by("id"))
        for name, connection in named_connections.items()
    }


def pipelines_without_connection(connections: Mapping[str, Connection]) -> QuerySet[Pipeline]:
    """Return the ingestible pipelines that no connection selects."""
    return Pipeline.objects.ingestible().exclude(_selected_by_any(connections)).select_related("client").order_by("id")


def why_not_ingested(
    pipeline: Pipeline,
    connections: Mapping[str, Connection],
    *,
    name: str | None = None,
    client_id: object = None,
) -> str:
    """Return why an ingestion would not include this pipeline, or "" if the ingestion would include the pipeline.

    `name` and `client_id` limit the ingestion to one connection or one client.
    """
    if client_id is not None and str(pipeline.client_id) != str(client_id):
        return "This pipeline belongs to another client."
    if not Pipeline.objects.ingestible().filter(pk=pipeline.pk).exists():
        return "This pipeline is not ingested: it or its client is disabled, or it has no external_id."
    requested = connections if name is None else {name: connections[name]}
    if Pipeline.objects.filter(_selected_by_any(requested), pk=pipeline.pk).exists():
        return ""
    if name is not None:
        return f"The connection {name} does not select this pipeline."
    names = ", ".join(connections)
    return f"No connection selects this pipeline. The connections are: {names}. Add it to the selection of one of them."


def _selected_by_any(connections: Mapping[str, Connection]) -> Q:
    selected = Q(pk__in=[])
    for connection in connections.values():
        selected |= connection.condition()
    return selected


def _overlap_mistakes(connections: Mapping[str, Connection], named_connections: Mapping[str, Connection]) -> list[str]:
    if len(connections) < 2 or not named_connections:
        return []
    # One query counts for every pipeline how many connections select it.
    selection_count: Combinable = Value(0)
    for connection in connections.values():
        selection_count = selection_count + Case(When(connection.condition(), then=1), default=0)
    selected_twice = (
        Pipeline.objects.ingestible()
        .filter(_selected_by_any(named_connections))
        .annotate(selection_count=ExpressionWrapper(selection_count, output_field=IntegerField()))
        .filter(selection_count__gt=1)
        .select_related("client")
        .order_by("id")[:MAX_PIPELINES_IN_MESSAGE]
    )
    return [
        f"pipeline {pipeline.name!r} of {pipeline.client.name!r} is selected by "
        + " and ".join(_names_of_selecting_connections(connections, pipeline))
        for pipeline in selected_twice
    ]


def _names_of_selecting_connections(connections: Mapping[str, Connection], pipeline: Pipeline) -> list[str]:
    return [
        name
        for name, connection in connections.items()
        if Pipeline.objects.filter(connection.condition(), pk=pipeline.pk).exists()
    ]
