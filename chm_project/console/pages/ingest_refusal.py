"""Explain why a pipeline cannot be ingested at the moment."""

from functools import reduce
from operator import or_

from django.db.models import Q

from ingestion.connections import ConfigurationError, configured_connections
from inventory.models import Pipeline


def why_not_ingested(pipeline: Pipeline) -> str:
    """Return the reason as a sentence; empty if a connection ingests the pipeline."""
    try:
        connections = configured_connections()
    except ConfigurationError:
        return (
            "The web server has no usable connection. Perhaps it was started without CHM_CONNECTIONS_FILE: run "
            "manage.py check_connection with the same variables to see why."
        )
    selected: Q = reduce(or_, (connection.pipelines.condition() for connection in connections.values()), Q(pk__in=[]))
    if Pipeline.objects.filter(selected, pk=pipeline.pk).exists():
        return ""
    names = ", ".join(connections)
    return f"No connection selects this pipeline. The connections are: {names}. Add it to the selection of one of them."
