"""Factories of clients and pipelines for tests."""

from chm_project.tests.factories import DjangoModelFactory, related, sequence
from inventory.models import Client, Environment, Pipeline, PipelineType, Platform


class ClientFactory(DjangoModelFactory[Client]):
    class Meta:
        model = Client

    name = sequence(lambda number: f"client {number:04}")


class PipelineFactory(DjangoModelFactory[Pipeline]):
    class Meta:
        model = Pipeline

    client = related(ClientFactory)
    name = sequence(lambda number: f"pipeline {number:04}")
    platform = Platform.AIRFLOW
    external_id = sequence(lambda number: f"dag-{number:04}")
    pipeline_type = PipelineType.INGESTION
    environment = Environment.PROD
