"""The registry: what `connector` in a connections file can name."""

from collections.abc import Callable

from ingestion.connectors.airflow import AirflowConnector
from ingestion.connectors.base import Connector
from ingestion.connectors.dagster import DagsterConnector
from ingestion.connectors.generic import GenericConnector
from ingestion.connectors.prefect import PrefectConnector
from ingestion.http import PartnerSession

# Made from a session and the question whether an external id belongs to any pipeline of the connection.
Factory = Callable[[PartnerSession, Callable[[str], bool]], Connector]

CONNECTORS: dict[str, Factory] = {
    "generic": lambda session, _known: GenericConnector(session),
    "airflow": lambda session, known: AirflowConnector(session, known=known),
    "dagster": lambda session, known: DagsterConnector(session, known=known),
    "prefect": lambda session, known: PrefectConnector(session, known=known),
}
