from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from chm_project.api.fields import (
    JsonObjectField,
    StrictChoiceField,
    TextField,
    TimeField,
    WebAddressField,
    WholeNumberField,
)
from chm_project.api.serializers import StrictModelSerializer, StrictSerializer
from chm_project.api.times import parse_time, window_problems
from inventory.models import Platform
from runs.events import MAX_BIGINT, MAX_ID_LENGTH, MAX_INTEGER
from runs.models import Run, Status
from runs.services import Outcome

MAX_BATCH = 1_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RunSerializer(StrictModelSerializer[Run]):
    """A run of a pipeline in the latest state that its source reported."""

    pipeline_id = serializers.UUIDField(read_only=True)
    source_url = serializers.CharField(
        read_only=True, allow_null=True, help_text="The run's page at its source; null if unknown."
    )

    class Meta:
        model = Run
        fields = [
            "id",
            "pipeline_id",
            "external_run_id",
            "status",
            "started_at",
            "finished_at",
            "duration_seconds",
            "rows_processed",
            "error_message",
            "status_reason",
            "payload",
            "source_url",
            "source_updated_at",
            "ingested_at",
            "event_at",
            "created_at",
            "updated_at",
        ]
        # No request writes with this serializer. WritableRunSerializer validates writes.
        read_only_fields = fields
        extra_kwargs = {
            "external_run_id": {"help_text": "The id of the run at its source. It is unique within the pipeline."},
            "status": {"help_text": "The status. CHM translates the source's status into one of these five."},
            "duration_seconds": {
                "help_text": "Duration in whole seconds: the value of the source, or `finished_at` minus `started_at`."
            },
            "event_at": {
                "help_text": "When the run happened: its end; without an end its start; without both the time at which "
                "CHM stored it."
            },
            "source_updated_at": {
                "help_text": "When the source last changed the run, or when CHM requested it. A write with an earlier "
                "time does not replace the run."
            },
            "updated_at": {"help_text": "When the stored run last changed."},
        }


class WritableRunSerializer(StrictSerializer):
    """Fields of a run that a request may set."""

    status = StrictChoiceField(choices=Status.choices, help_text="The status of the run.")
    started_at = TimeField(required=False, allow_null=True)
    finished_at = TimeField(required=False, allow_null=True)
    duration_seconds = WholeNumberField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=MAX_INTEGER,
        help_text="Duration in whole seconds. Default: `finished_at` minus `started_at`.",
    )
    rows_processed = WholeNumberField(required=False, allow_null=True, min_value=0, max_value=MAX_BIGINT)
    error_message = TextField(required=False, allow_null=True, allow_blank=True)
    status_reason = TextField(required=False, allow_null=True, allow_blank=True)
    payload = JsonObjectField(required=False, allow_null=True)
    source_url = WebAddressField(
        required=False, allow_null=True, help_text="The run's page at its source, an http:// or https:// address."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        started_at, finished_at = attrs.get("started_at"), attrs.get("finished_at")
        if started_at and finished_at and finished_at < started_at:
            raise serializers.ValidationError({"finished_at": ["This is before started_at."]})
        return attrs


class ManualRunSerializer(WritableRunSerializer):
    external_run_id = TextField(
        required=False,
        allow_null=True,
        max_length=MAX_ID_LENGTH,
        help_text="The id at the source. If it is omitted, CHM generates one.",
    )


class PushedRunSerializer(WritableRunSerializer):
    """The whole state of a run. Fields that the request omits become null."""

    source_updated_at = TimeField(
        required=False,
        allow_null=True,
        help_text="When the source last changed the run. A request with an earlier time than the stored time changes "
        "nothing. A request without a time replaces the stored run, but an ended run never becomes running again.",
    )


class BatchedRunSerializer(PushedRunSerializer):
    pipeline_id = serializers.UUIDField()
    external_run_id = TextField(max_length=MAX_ID_LENGTH)


class BatchSerializer(serializers.Serializer[Any]):
    """Up to 1,000 runs, each validated separately."""

    items = serializers.ListField(
        child=BatchedRunSerializer(), min_length=1, max_length=MAX_BATCH, help_text="The runs to store."
    )


@extend_schema_serializer(extensions={"x-optional": ["id", "error"]})
class BatchOutcomeSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="Position of the item in the request, from 0.")
    outcome = serializers.ChoiceField(choices=[(outcome.value, outcome.value) for outcome in Outcome])
    id = serializers.UUIDField(required=False, help_text="The stored run; absent if the item was rejected or pruned.")
    error = serializers.CharField(required=False, help_text="Why the item was rejected or pruned.")


class BatchAnswerSerializer(serializers.Serializer[Any]):
    items = BatchOutcomeSerializer(many=True, help_text="One outcome for each item of the request, in the same order.")


class WindowSerializer(serializers.Serializer[Any]):
    """The parameters that `parse_window` reads, for openapi.yaml.

    `parse_window` does not use this serializer, because validation with a serializer takes as long as the query.
    """

    since = TimeField(default=EPOCH, help_text="Start of the window, inclusive.")
    until = TimeField(default=timezone.now, help_text="End of the window, exclusive. Default: now.")


def parse_window(parameters: Mapping[str, str]) -> tuple[datetime, datetime]:
    """Return the start and the end of the requested window."""
    times = {"since": EPOCH, "until": timezone.now()}
    problems: dict[str, list[str]] = {}
    for name in times:
        try:
            if (text := parameters.get(name)) is not None:
                times[name] = parse_time(text)
        except ValueError as error:
            problems[name] = [str(error)]
    if not problems:
        problems = {name: [problem] for name, problem in window_problems(times["since"], times["until"]).items()}
    if problems:
        raise serializers.ValidationError(problems)
    return times["since"], times["until"]


class LatestOfPipelineSerializer(serializers.Serializer[Any]):
    pipeline_id = serializers.UUIDField()
    pipeline_name = serializers.CharField()
    platform = serializers.ChoiceField(choices=Platform.choices)
    latest_status = serializers.ChoiceField(choices=Status.choices)
    latest_run_at = serializers.DateTimeField(
        allow_null=True, help_text="When the latest run started; null if unknown."
    )


class StatusCountsSerializer(serializers.Serializer[Any]):
    running = serializers.IntegerField()
    success = serializers.IntegerField()
    failed = serializers.IntegerField()
    canceled = serializers.IntegerField()
    skipped = serializers.IntegerField()


class ClientSummarySerializer(serializers.Serializer[Any]):
    client_id = serializers.UUIDField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    status_counts = StatusCountsSerializer()
    latest_by_pipeline = LatestOfPipelineSerializer(many=True)
