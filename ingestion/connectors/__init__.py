"""The connectors in Python, by the name that `connector` has in a connections file."""

from collections.abc import Callable

from ingestion.connectors.airflow import AirflowConnector
from ingestion.connectors.base import Connector
from ingestion.connectors.dagster import DagsterConnector
from ingestion.connectors.generic import GenericConnector
from ingestion.connectors.prefect import PrefectConnector
from ingestion.http import PartnerSession

# Arguments: the session, and a function that returns whether an external id belongs to a pipeline of the connection.
ConnectorFactory = Callable[[PartnerSession, Callable[[str], bool]], Connector]

CONNECTORS: dict[str, ConnectorFactory] = {
    "generic": lambda session, _has_pipeline: GenericConnector(session),
    "airflow": lambda session, has_pipeline: AirflowConnector(session, has_pipeline=has_pipeline),
    "dagster": lambda session, has_pipeline: DagsterConnector(session, has_pipeline=has_pipeline),
    "prefect": lambda session, has_pipeline: PrefectConnector(session, has_pipeline=has_pipeline),
}
