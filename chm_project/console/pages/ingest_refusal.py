"""Explain why a pipeline cannot be ingested at the moment."""

from ingestion import assignment
from ingestion.connections import ConfigurationError, configured_connections
from inventory.models import Pipeline


def why_not_ingested(pipeline: Pipeline) -> str:
    """Return the reason as a sentence; empty if a connection ingests the pipeline."""
    try:
        connections = configured_connections()
    except ConfigurationError:
        return (
            "The web server has no usable connection. Perhaps it was started without CHM_CONNECTIONS_FILE: run "
            "manage.py connections with the same variables to see why."
        )
    return assignment.why_not_ingested(pipeline, connections)
