"""Assign pipelines to connections, by queries: no pipeline is compared with a connection in Python."""

from collections.abc import Collection, Mapping

from django.db.models import Case, ExpressionWrapper, IntegerField, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable

from ingestion.connections import ConfigurationError, Connection
from inventory.models import Pipeline

MAX_NAMED = 20  # pipelines in the message of an error


def assign(connections: Mapping[str, Connection], names: Collection[str] | None = None) -> dict[str, list[Pipeline]]:
    """Return the pipelines of each named connection (default: all connections), ordered by id.

    Raise ConfigurationError if two connections select the same pipeline.
    """
    named_connections = {name: connections[name] for name in (connections if names is None else names)}
    if mistakes := _selected_twice(connections, named_connections):
        raise ConfigurationError(mistakes)
    return {
        name: list(Pipeline.objects.ingestible().filter(connection.condition()).order_by("id"))
        for name, connection in named_connections.items()
    }


def unselected(connections: Mapping[str, Connection]) -> QuerySet[Pipeline]:
    """Return the ingestible pipelines that no connection selects."""
    return Pipeline.objects.ingestible().exclude(_selected_by_any(connections)).select_related("client").order_by("id")


def _selected_by_any(connections: Mapping[str, Connection]) -> Q:
    selected = Q(pk__in=[])
    for connection in connections.values():
        selected |= connection.condition()
    return selected


def _selected_twice(connections: Mapping[str, Connection], named_connections: Mapping[str, Connection]) -> list[str]:
    if len(connections) < 2 or not named_connections:
        return []
    # Count the selecting connections of each pipeline in one query, however many connections there are.
    selections: Combinable = Value(0)
    for connection in connections.values():
        selections = selections + Case(When(connection.condition(), then=1), default=0)
    clashes = (
        Pipeline.objects.ingestible()
        .filter(_selected_by_any(named_connections))
        .annotate(selections=ExpressionWrapper(selections, output_field=IntegerField()))
        .filter(selections__gt=1)
        .select_related("client")
        .order_by("id")[:MAX_NAMED]
    )
    return [
        f"pipeline {pipeline.name!r} of {pipeline.client.name!r} is selected by "
        + " and ".join(_names_selecting(connections, pipeline))
        for pipeline in clashes
    ]


def _names_selecting(connections: Mapping[str, Connection], pipeline: Pipeline) -> list[str]:
    return [
        name
        for name, connection in connections.items()
        if Pipeline.objects.filter(connection.condition(), pk=pipeline.pk).exists()
    ]
