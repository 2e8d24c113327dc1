from datetime import datetime
from hashlib import blake2b
from typing import Any

from rest_framework import serializers

from alerting.destinations import destination_problem, unmasked_destination
from alerting.models import AlertRule, RuleType
from chm_project.access.visibility import visibility_of
from chm_project.api.fields import IdField, TimeField
from chm_project.api.serializers import StrictModelSerializer
from inventory.models import Client, Pipeline


class AlertRuleSerializer(StrictModelSerializer[AlertRule]):
    """An alert rule. If a rule has a client and a pipeline, only the pipeline counts, and its client owns the rule."""

    client_id = IdField(
        source="client",
        queryset=Client.objects.all(),
        client_lookup="id",
        pipeline_lookup=None,
        required=False,
        allow_null=True,
        help_text="A rule without `pipeline_id` watches all active pipelines of this client.",
    )
    pipeline_id = IdField(
        source="pipeline", queryset=Pipeline.objects.all(), client_lookup="client_id", pipeline_lookup="id",
        required=False, allow_null=True, help_text="The rule watches only this pipeline.",
    )  # fmt: skip

    class Meta:
        model = AlertRule
        fields = [
            "id",
            "client_id",
            "pipeline_id",
            "rule_type",
            "threshold",
            "window_minutes",
            "channel",
            "destination",
            "is_enabled",
            "include_known",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["id", "created_at", "updated_at"]
        extra_kwargs = {
            "threshold": {
                "min_value": 1,
                "max_value": 2**31 - 1,
                "help_text": "For `failures_in_window`: the rule fires if at least this many runs fail in the window.",
            },
            "window_minutes": {
                "min_value": 1,
                "max_value": 2**31 - 1,
                "help_text": "For `failures_in_window`: the length of the window in minutes.",
            },
            "is_enabled": {"help_text": "If this is false, CHM keeps the rule, but the rule never fires."},
            "include_known": {
                "help_text": "If this is false, the rule ignores pipelines whose failure is known, and pipelines that "
                "failed in planned maintenance."
            },
            "updated_at": {"help_text": "When the rule last changed."},
            "channel": {"help_text": "The kind of `destination`. CHM itself sends nothing to the destination."},
            "rule_type": {"help_text": "The condition under which the rule fires."},
            "destination": {
                "help_text": "For `slack`, a channel such as #data-alerts or the https address of a hook; for `email`, "
                "an e-mail address; for `webhook`, an https address. Responses show only the host of an https address. "
                "If you send the address in this masked form, CHM keeps the stored address."
            },
        }

    def to_representation(self, instance: AlertRule) -> dict[str, Any]:
        fields = super().to_representation(instance)
        visible = visibility_of(self.context["request"]).clients
        if fields.get("client_id") and visible is not None and instance.client_id not in visible:
            # The caller may see the rule because of its pipeline, but may not see its client.
            fields["client_id"] = None
        if "destination" in fields:  # missing if the request selects other fields
            fields["destination"] = instance.shown_destination
        return fields

    def validate_destination(self, value: str) -> str:
        """Return the destination. If its masked form was sent, return the stored destination."""
        try:
            return unmasked_destination(value, getattr(self.instance, "destination", None))
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check what database constraints also check, because the database reports only the first invalid field."""

        def value(name: str) -> Any:
            return attrs.get(name, getattr(self.instance, name, None))

        problems: dict[str, list[str]] = {}
        if value("client") is None and value("pipeline") is None:
            problems |= {key: ["A rule needs a client, a pipeline, or both."] for key in ("client_id", "pipeline_id")}
        if value("rule_type") == RuleType.FAILURES_IN_WINDOW:
            missing = [name for name in ("threshold", "window_minutes") if value(name) is None]
            problems |= {key: ["failures_in_window needs threshold and window_minutes."] for key in missing}
        is_changed = "channel" in attrs or "destination" in attrs
        if is_changed and (problem := destination_problem(value("channel"), value("destination"))):
            problems["destination"] = [problem]
        if problems:
            raise serializers.ValidationError(problems)
        return attrs


class FiringRuleSerializer(AlertRuleSerializer):
    """A firing rule, with the time since when it fires, and the owner and the runbook of its pipeline."""

    since = serializers.SerializerMethodField(
        help_text="Since when the rule fires. For `on_failure`: when the first of its failing pipelines began to "
        "fail. For `failures_in_window`: the time of the oldest failure in the window."
    )
    fingerprint = serializers.SerializerMethodField(
        help_text="A short text that identifies the rule. It is the same each time the rule fires."
    )

    owner = serializers.SerializerMethodField(
        help_text="Owner of the rule's pipeline, from the file of CHM_MAINTENANCE_FILE. Null if the file contains "
        "none, or if the rule watches a client."
    )
    runbook_url = serializers.SerializerMethodField(
        help_text="Runbook of the rule's pipeline, from the file of CHM_MAINTENANCE_FILE. Null if the file contains "
        "none, or if the rule watches a client."
    )

    class Meta(AlertRuleSerializer.Meta):
        fields = [*AlertRuleSerializer.Meta.fields, "since", "fingerprint", "owner", "runbook_url"]

    def get_owner(self, rule: AlertRule) -> str | None:
        return self._owner_column(rule, "owner")

    def get_runbook_url(self, rule: AlertRule) -> str | None:
        return self._owner_column(rule, "runbook_url")

    def _owner_column(self, rule: AlertRule, column: str) -> str | None:
        value: str | None = self.context["owner_columns_by_pipeline"].get(rule.pipeline_id, {}).get(column)
        return value

    def get_since(self, rule: AlertRule) -> datetime:
        since: datetime = self.context["firing_since"][rule.pk]
        return since

    def get_fingerprint(self, rule: AlertRule) -> str:
        return blake2b(rule.pk.bytes, digest_size=8).hexdigest()


class PreviewWindowSerializer(serializers.Serializer[Any]):
    since = TimeField(required=False, help_text="Start of the window, inclusive. Default: 7 days before `until`.")
    until = TimeField(required=False, help_text="End of the window, exclusive. Default: now.")


class SpanSerializer(serializers.Serializer[Any]):
    """A span of the requested window in which the rule fired, from `from` until `until`."""

    until = serializers.DateTimeField(help_text="When the rule stopped firing, or the end of the window.")
    failed_runs = serializers.IntegerField(help_text="Number of failed runs that made the rule fire.")

    def get_fields(self) -> dict[str, Any]:
        # `from` is a keyword in Python, so it cannot be the name of an attribute.
        return {"from": serializers.DateTimeField(source="since"), **super().get_fields()}


class PreviewSerializer(serializers.Serializer[Any]):
    items = SpanSerializer(many=True)
