from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from ingestion.connections import Connection, configured_connections
from ingestion.connectors import airflow as airflow_connector
from ingestion.synthetic.airflow_replay import AirflowReplay
from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.tests.scripted_partner import ScriptedPartner
from ingestion.tests.support import AIRFLOW_DAGS, PASSWORD_ENV, create_pipelines
from inventory.models import Pipeline


@pytest.fixture(autouse=True)
def no_stored_api_paths_of_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget which API an Airflow has, because the port of an Airflow 3 can later belong to an Airflow 2."""
    monkeypatch.setattr(airflow_connector, "_api_paths", {})


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[AirflowReplay]:
    """Run a simulated Airflow with the first of the recorded states."""
    monkeypatch.setenv(PASSWORD_ENV, "REDACTED")
    with AirflowReplay() as partner:
        yield partner


@pytest.fixture
def dags(db: None) -> dict[str, Pipeline]:
    """Return a pipeline for each recorded DAG, by DAG id."""
    return create_pipelines("Northwind", *AIRFLOW_DAGS)


@pytest.fixture
def generic_partner(monkeypatch: pytest.MonkeyPatch) -> Iterator[GenericPartner]:
    """Run a simulated partner without runs, whose API the generic connector can read."""
    monkeypatch.setenv(PASSWORD_ENV, "partner-token-1")
    with GenericPartner(token="partner-token-1") as partner:
        yield partner


@pytest.fixture
def write_connection(tmp_path: Path, settings: Settings) -> Callable[..., Connection]:
    """Return a function that writes a connections file with one connection, and returns this connection."""

    def write(
        partner: ScriptedPartner | None, source: str, *, connector: str = "declarative", options: str = ""
    ) -> Connection:
        """Write a connections file with the connection `house` to the partner. `source`: its table `source` as TOML."""
        path = tmp_path / "connections.toml"
        # A header such as [paging] in `source` becomes [connections.house.source.paging] in the file.
        first_lines, *tables = source.replace("\n[", "\n\0[").split("\0")
        inner_tables = "".join(table.replace("[", "[connections.house.source.", 1) for table in tables)
        path.write_text(
            f"""
[connections.house]
connector = "{connector}"
base_url = "{partner.base_url if partner else "https://house.example"}/api"
timeout_seconds = 2
backoff_seconds = 0.01
reconcile_days = 0
{options}
[connections.house.source]
{first_lines}
{inner_tables}
"""
        )
        settings.CHM_CONNECTIONS_FILE = str(path)
        return configured_connections()["house"]

    return write
