from typing import Any

from rest_framework import serializers

from chm_project.api.fields import IdField, TextField
from chm_project.api.serializers import StrictSerializer
from inventory.models import Client, Pipeline

STATES = ("queued", "running", "succeeded", "failed")


class SyncRequestSerializer(StrictSerializer):
    """The part to ingest; everything if no field is given."""

    connection = TextField(required=False, allow_null=True, max_length=63, help_text="The name of one connection.")
    client_id = IdField(
        queryset=Client.objects.all(), client_lookup="id", pipeline_lookup=None, required=False, allow_null=True
    )
    pipeline_id = IdField(
        queryset=Pipeline.objects.all(),
        client_lookup="client_id",
        pipeline_lookup="id",
        required=False,
        allow_null=True,
    )


class SyncStartedSerializer(serializers.Serializer[Any]):
    task_id = serializers.UUIDField()


class SyncErrorSerializer(serializers.Serializer[Any]):
    connection = serializers.CharField()
    pipeline = serializers.CharField(
        allow_null=True,
        help_text="The external id of the pipeline; null if the error does not concern a single pipeline.",
    )
    error = serializers.CharField(help_text="Why the pipelines could not be ingested.")


class SyncStateSerializer(serializers.Serializer[Any]):
    """The state and the counts. Counts grow while the state is `running`.

    A run that a source returns twice is counted twice.
    """

    task_id = serializers.UUIDField()
    state = serializers.ChoiceField(
        choices=[(state, state) for state in STATES],
        help_text="`failed` means that the ingestion was aborted. Errors of single pipelines are only in `errors`.",
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
    unknown_pipelines = serializers.IntegerField(
        help_text="Number of pipelines that the source has and CHM does not have."
    )
    # The type checker sees the property `errors` of the base class, which a field of that name replaces.
    errors = SyncErrorSerializer(many=True)  # type: ignore[assignment]
