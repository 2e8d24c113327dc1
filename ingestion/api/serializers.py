from typing import Any

from rest_framework import serializers

from chm_project.api.fields import IdField, TextField
from chm_project.api.serializers import StrictSerializer
from inventory.models import Client, Pipeline

STATES = ("queued", "running", "succeeded", "failed")


class SyncRequestSerializer(StrictSerializer):
    """What to ingest. Without any field, everything."""

    connection = TextField(required=False, allow_null=True, max_length=63, help_text="The name of one connection.")
    client_id = IdField(queryset=Client.objects.all(), client="id", pipeline=None, required=False, allow_null=True)
    pipeline_id = IdField(
        queryset=Pipeline.objects.all(), client="client_id", pipeline="id", required=False, allow_null=True
    )


class SyncStartedSerializer(serializers.Serializer[Any]):
    task_id = serializers.UUIDField()


class SyncErrorSerializer(serializers.Serializer[Any]):
    connection = serializers.CharField()
    pipeline = serializers.CharField(
        allow_null=True, help_text="The external id; null if the error concerns several pipelines."
    )
    error = serializers.CharField()


class SyncStateSerializer(serializers.Serializer[Any]):
    """Counts include repeated runs and grow while the state is running."""

    task_id = serializers.UUIDField()
    state = serializers.ChoiceField(
        choices=[(state, state) for state in STATES],
        help_text="failed: the ingestion was aborted; errors of single pipelines are in `errors`.",
    )
    pipelines_processed = serializers.IntegerField()
    pages_processed = serializers.IntegerField()
    runs_processed = serializers.IntegerField()
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    stale = serializers.IntegerField()
    pruned = serializers.IntegerField()
    rejected = serializers.IntegerField()
    unknown_pipelines = serializers.IntegerField()
    errors = SyncErrorSerializer(many=True)  # type: ignore[assignment]  # a field, beside the base's property
