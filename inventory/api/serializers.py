"""Serializers of clients and pipelines."""

from datetime import datetime

from django.utils import timezone
from rest_framework import serializers

from chm_project.api.fields import IdField
from chm_project.api.serializers import StrictModelSerializer
from inventory.models import Client, Pipeline


class ClientSerializer(StrictModelSerializer[Client]):
    """A client of the consultancy."""

    class Meta:
        model = Client
        fields = ["id", "name", "is_active", "created_at", "updated_at"]
        read_only_fields = ["id", "created_at", "updated_at"]
        extra_kwargs = {
            "is_active": {"help_text": "False: the client is disabled. CHM keeps its history, but reads no new runs."},
            "updated_at": {"help_text": "When the client last changed."},
        }


class PipelineSerializer(StrictModelSerializer[Pipeline]):
    """A pipeline of one client, on any orchestrator."""

    client_id = serializers.UUIDField(read_only=True)
    stale_since = serializers.SerializerMethodField(
        help_text="ingest_due_at if it has passed, else null. If set, the last received status may be outdated."
    )

    class Meta:
        model = Pipeline
        fields = [
            "id",
            "client_id",
            "name",
            "platform",
            "external_id",
            "pipeline_type",
            "description",
            "environment",
            "is_active",
            "ingested_through",
            "ingest_due_at",
            "last_ingest_at",
            "last_ingest_error",
            "source_paused",
            "source_next_run_at",
            "source_missing_since",
            "source_url",
            "source_url_template",
            "pruned_before",
            "stale_since",
            "created_at",
            "updated_at",
        ]
        read_only_fields = [
            "id",
            "ingested_through",
            "ingest_due_at",
            "last_ingest_at",
            "last_ingest_error",
            "source_paused",
            "source_next_run_at",
            "source_missing_since",
            "source_url",
            "source_url_template",
            "pruned_before",
            "created_at",
            "updated_at",
        ]
        extra_kwargs = {
            "external_id": {
                "allow_blank": False,
                "error_messages": {"blank": "Leave external_id out (null) when the pipeline has none."},
            },
            "is_active": {
                "help_text": "False: the pipeline is disabled. CHM keeps its history, but reads no new runs."
            },
            "source_missing_since": {
                "help_text": "Since when the source no longer lists the pipeline; null if the source lists it, or has "
                "no list."
            },
            "updated_at": {
                "help_text": "When the pipeline last changed. Changes of fields such as ingested_through do not count."
            },
        }

    def get_stale_since(self, pipeline: Pipeline) -> datetime | None:
        return pipeline.stale_since(timezone.now())


class PipelineUpdateSerializer(PipelineSerializer):
    """A pipeline may move to another client; its history moves with it."""

    client_id = IdField(source="client", queryset=Client.objects.all(), client_path="id", pipeline_path=None)  # type: ignore[assignment]
