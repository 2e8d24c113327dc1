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
            "is_active": {
                "help_text": "If this is false, the client is disabled: CHM keeps its history, but reads no runs."
            },
            "updated_at": {"help_text": "When the client last changed."},
        }


class PipelineSerializer(StrictModelSerializer[Pipeline]):
    """A pipeline of one client, on any orchestrator."""

    client_id = serializers.UUIDField(read_only=True)
    stale_since = serializers.SerializerMethodField(
        help_text="`ingest_due_at` if this time has passed, else null. If it is set, the latest status may be outdated."
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
                "help_text": "The id of the pipeline in the orchestrator. If it is null, CHM cannot read the runs.",
                "allow_blank": False,
                "error_messages": {"blank": "Leave external_id out (null) when the pipeline has none."},
            },
            "is_active": {
                "help_text": "If this is false, the pipeline is disabled: CHM keeps its history, but reads no runs."
            },
            "ingested_through": {
                "help_text": "The watermark: CHM has stored all changes up to this time; null until the first complete "
                "walk."
            },
            "last_ingest_error": {
                "help_text": "Why the last walk failed, in one sentence; null if the last walk succeeded."
            },
            "source_paused": {
                "help_text": "Whether the schedule is paused at the source; null if the source does not report this."
            },
            "source_next_run_at": {
                "help_text": "When the source's schedule starts the next run; null if the source does not report this."
            },
            "source_url_template": {
                "help_text": "URL of the pages of runs at the source. `{run_id}` stands for the percent-encoded "
                "`external_run_id`."
            },
            "pruned_before": {
                "help_text": "CHM has deleted the runs before this time, and does not store them again; null until the "
                "first deletion."
            },
            "source_missing_since": {
                "help_text": "Since when the source no longer lists the pipeline; null if the source lists it, or has "
                "no list."
            },
            "updated_at": {
                "help_text": "When the pipeline last changed. Changes of fields such as `ingested_through` do not "
                "count."
            },
        }

    def get_stale_since(self, pipeline: Pipeline) -> datetime | None:
        return pipeline.stale_since(timezone.now())


class PipelineUpdateSerializer(PipelineSerializer):
    """The fields for changing a pipeline. A new client_id moves the pipeline and its history to another client."""

    client_id = IdField(source="client", queryset=Client.objects.all(), client_lookup="id", pipeline_lookup=None)  # type: ignore[assignment]
