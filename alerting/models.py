"""Alert rules: conditions over runs. CHM evaluates them and sends nothing."""

from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Cast, Coalesce

from alerting.destinations import DESTINATION_FORMATS, is_masked, shown_destination
from chm_project.db.base_model import BaseModel
from chm_project.db.choice_constraints import valid_choice
from inventory.models import Client, Pipeline


class RuleType(models.TextChoices):
    ON_FAILURE = "on_failure", "On failure"
    FAILURES_IN_WINDOW = "failures_in_window", "Failures in a window"


class Channel(models.TextChoices):
    SLACK = "slack", "Slack"
    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook"


# The id of the client that owns a rule: the client of its pipeline, or the rule's own client.
OWNING_CLIENT_ID = Coalesce("pipeline__client_id", "client_id")


def destination_fits_channel() -> Q:
    """Return a condition that is true if the destination fits the channel."""
    condition = Q()
    for channel, (pattern, _) in DESTINATION_FORMATS.items():
        condition |= Q(channel=channel, destination__regex=pattern)
    return condition


class AlertRuleQuerySet(models.QuerySet["AlertRule"]):
    def enabled(self) -> "AlertRuleQuerySet":
        return self.filter(is_enabled=True)

    def with_owning_client_id(self) -> "AlertRuleQuerySet":
        """Annotate `owning_client_id`, the id of the client that owns the rule."""
        return self.annotate(owning_client_id=OWNING_CLIENT_ID)

    def watching_only(self, pipelines: QuerySet[Pipeline]) -> "AlertRuleQuerySet":
        """Return the enabled rules that watch no active pipeline except `pipelines`."""
        pipeline_ids = pipelines.order_by().values("pk")
        other_active_pipelines = (
            Pipeline.objects.active().filter(client=OuterRef("client")).exclude(pk__in=pipeline_ids)
        )
        is_client_without_others = Q(pipeline=None, client__in=pipelines.order_by().values("client")) & ~Exists(
            other_active_pipelines
        )
        return self.enabled().filter(Q(pipeline__in=pipeline_ids) | is_client_without_others)


class AlertRule(BaseModel):
    client = models.ForeignKey(
        Client,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="alert_rules",
        db_comment="The rule watches the active pipelines of this client; ignored if the rule has a pipeline",
    )
    pipeline = models.ForeignKey(
        Pipeline,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="alert_rules",
        db_comment="The rule watches only this pipeline, and belongs to its client; empty: see client_id",
    )
    rule_type = models.CharField(
        max_length=20,
        choices=RuleType,
        db_comment="on_failure: fires while a pipeline is failing; failures_in_window: fires while at least threshold "
        "runs failed in the last window_minutes",
    )
    threshold = models.IntegerField(
        null=True, blank=True, db_comment="The rule fires if at least this many runs in the window failed"
    )
    window_minutes = models.IntegerField(null=True, blank=True, db_comment="Length of the window in minutes")
    channel = models.CharField(
        max_length=20, choices=Channel, db_comment="Kind of the destination; CHM itself sends no notifications"
    )
    destination = models.CharField(max_length=512, db_comment="Name of a channel, e-mail address or URL of a hook")
    is_enabled = models.BooleanField(
        default=True, db_default=True, db_comment="False: the rule is kept, but never fires"
    )
    include_known = models.BooleanField(
        default=True,
        db_default=True,
        db_comment="False: pipelines whose failure is known, or that failed in planned maintenance, do not count",
    )

    objects = AlertRuleQuerySet.as_manager()

    class Meta:
        db_table = "alert_rules"
        db_table_comment = "Alert rules: conditions about the runs of a client or a pipeline"
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(client__isnull=False) | Q(pipeline__isnull=False),
                name="alert_rules_scope_required",
                violation_error_message="A rule needs a client, a pipeline, or both.",
            ),
            valid_choice("rule_type", RuleType, name="alert_rules_rule_type_valid"),
            valid_choice("channel", Channel, name="alert_rules_channel_valid"),
            models.CheckConstraint(
                condition=Q(threshold__isnull=True) | Q(threshold__gt=0),
                name="alert_rules_threshold_positive",
                violation_error_message="threshold must be greater than 0.",
            ),
            models.CheckConstraint(
                condition=Q(window_minutes__isnull=True) | Q(window_minutes__gt=0),
                name="alert_rules_window_minutes_positive",
                violation_error_message="window_minutes must be greater than 0.",
            ),
            models.CheckConstraint(
                condition=~Q(rule_type="failures_in_window") | Q(threshold__isnull=False, window_minutes__isnull=False),
                name="alert_rules_window_rule_complete",
                violation_error_message="failures_in_window needs threshold and window_minutes.",
            ),
            models.CheckConstraint(
                condition=destination_fits_channel(),
                name="alert_rules_destination_fits_channel",
                violation_error_message="The destination does not fit the channel.",
            ),
            # If a rule has a pipeline, its client is not part of the key, because the pipeline is the scope.
            models.UniqueConstraint(
                # To validate the constraint, Django sends the rule's values in a query. A NULL in it needs a cast.
                Cast(Coalesce(F("pipeline"), F("client")), models.UUIDField()),
                "rule_type",
                "channel",
                "destination",
                condition=Q(is_enabled=True),
                name="alert_rules_enabled_unique",
                violation_error_message=(
                    "An enabled rule of this type with this scope, channel and destination exists already."
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_rule_type_display()}, to {self.get_channel_display()} {self.shown_destination}"

    @property
    def owning_client(self) -> Client:
        """Return the client of the pipeline if the rule has one, else the client of the rule."""
        client = self.pipeline.client if self.pipeline else self.client
        assert client is not None  # noqa: S101 - alert_rules_scope_required
        return client

    def history_value(self, field: str, value: object) -> object:
        """Return the value of a field for its history, with the destination masked."""
        if field != "destination" or is_masked(str(value)):
            return value
        return shown_destination(str(value))

    @property
    def shown_destination(self) -> str:
        """Return the destination for display, without the secret part of a hook's address."""
        return shown_destination(self.destination)
