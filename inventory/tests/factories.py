import factory

from inventory.models import Client, Environment, Pipeline, PipelineType, Platform


class ClientFactory(factory.django.DjangoModelFactory[Client]):
    class Meta:
        model = Client

    name = factory.Sequence(lambda number: f"client {number:04}")


class PipelineFactory(factory.django.DjangoModelFactory[Pipeline]):
    class Meta:
        model = Pipeline

    client = factory.SubFactory(ClientFactory)
    name = factory.Sequence(lambda number: f"pipeline {number:04}")
    platform = Platform.AIRFLOW
    external_id = factory.Sequence(lambda number: f"dag-{number:04}")
    pipeline_type = PipelineType.INGESTION
    environment = Environment.PROD
