"""The registry of connectors for `connector` in a connections file."""

from collections.abc import Callable

from ingestion.connectors.airflow import AirflowConnector
from ingestion.connectors.base import Connector
from ingestion.connectors.dagster import DagsterConnector
from ingestion.connectors.generic import GenericConnector
from ingestion.connectors.prefect import PrefectConnector
from ingestion.http import PartnerSession

# Creates a connector from a session and a function: does an external id belong to a pipeline of the connection?
Factory = Callable[[PartnerSession, Callable[[str], bool]], Connector]

CONNECTORS: dict[str, Factory] = {
    "generic": lambda session, _known: GenericConnector(session),
    "airflow": lambda session, known: AirflowConnector(session, known=known),
    "dagster": lambda session, known: DagsterConnector(session, known=known),
    "prefect": lambda session, known: PrefectConnector(session, known=known),
}
