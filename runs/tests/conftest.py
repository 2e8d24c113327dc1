import pytest

from inventory.models import Client, Pipeline
from runs.tests.source_writes import Source


@pytest.fixture
def pipeline(db: None) -> Pipeline:
    client = Client.objects.create(name="Northwind")
    return Pipeline.objects.create(
        client=client, name="orders", platform="airflow", pipeline_type="ingestion", external_id="orders"
    )


@pytest.fixture
def source(pipeline: Pipeline) -> Source:
    return Source(pipeline.id)
