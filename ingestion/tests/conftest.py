from collections.abc import Iterator

import pytest

from ingestion.synthetic.airflow_replay import AirflowReplay
from ingestion.synthetic.generic_partner import GenericPartner
from ingestion.tests.support import AIRFLOW_DAGS, PASSWORD_ENV, pipelines_of
from inventory.models import Pipeline


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[AirflowReplay]:
    monkeypatch.setenv(PASSWORD_ENV, "REDACTED")
    with AirflowReplay() as partner:
        yield partner


@pytest.fixture
def dags(db: None) -> dict[str, Pipeline]:
    """A pipeline for each recorded DAG."""
    return pipelines_of("Northwind", *AIRFLOW_DAGS)


@pytest.fixture
def generic(monkeypatch: pytest.MonkeyPatch) -> Iterator[GenericPartner]:
    monkeypatch.setenv(PASSWORD_ENV, "partner-token-1")
    with GenericPartner(token="partner-token-1") as partner:
        yield partner
