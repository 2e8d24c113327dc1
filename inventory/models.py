"""The inventory: clients and their pipelines."""

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from chm_project.db.address_constraints import web_address
from chm_project.db.base_model import BaseModel
from chm_project.db.choice_constraints import valid_choice
from chm_project.scrubbing import scrub_text
from chm_project.scrubbing.validators import refuse_secrets


class ClientQuerySet(models.QuerySet["Client"]):
    def active(self) -> "ClientQuerySet":
        return self.filter(is_active=True)


class Client(BaseModel):
    name = models.CharField(max_length=255, db_comment="Name of the client; unique, ignoring upper and lower case")
    is_active = models.BooleanField(
        default=True, db_default=True, db_comment="False: disabled. CHM keeps its history, but reads no new runs"
    )

    objects = ClientQuerySet.as_manager()

    class Meta:
        db_table = "clients"
        db_table_comment = "Clients of the consultancy"
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="clients_name_unique",
                violation_error_message="A client with this name exists already; upper and lower case are the same.",
            ),
            models.CheckConstraint(
                condition=Q(name__regex=r"\S"),
                name="clients_name_not_blank",
                violation_error_message="A client needs a name.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def autocomplete_label(self) -> str:
        return self.name if self.is_active else f"{self.name} (disabled)"


class Platform(models.TextChoices):
    AIRFLOW = "airflow", "Airflow"
    DBT = "dbt", "dbt"
    CRON = "cron", "Cron"
    VENDOR_API = "vendor_api", "Vendor API"
    CUSTOM = "custom", "Custom"


class PipelineType(models.TextChoices):
    INGESTION = "ingestion", "Ingestion"
    TRANSFORM = "transform", "Transform"
    QUALITY = "quality", "Quality"
    EXPORT = "export", "Export"
    HEALTHCHECK = "healthcheck", "Health check"


class Environment(models.TextChoices):
    DEV = "dev", "Development"
    STAGING = "staging", "Staging"
    PROD = "prod", "Production"


class PipelineQuerySet(models.QuerySet["Pipeline"]):
    def active(self) -> "PipelineQuerySet":
        """Return the active inventory: active pipelines of active clients."""
        return self.filter(is_active=True, client__is_active=True)

    def ingestible(self) -> "PipelineQuerySet":
        return self.active().filter(external_id__isnull=False)


class Pipeline(BaseModel):
    client = models.ForeignKey(
        Client,
        on_delete=models.PROTECT,
        related_name="pipelines",
        db_index=False,
        db_comment="Client that the pipeline runs for",
    )
    name = models.CharField(max_length=255, db_comment="Name of the pipeline; unique within the client")
    platform = models.CharField(
        max_length=20, choices=Platform, db_comment="Kind of orchestrator that runs the pipeline"
    )
    external_id = models.CharField(
        max_length=255,
        null=True,
        blank=True,
        validators=[refuse_secrets],
        db_comment="Id of the pipeline in its orchestrator, such as a DAG id; empty: CHM does not ingest the pipeline",
    )
    pipeline_type = models.CharField(max_length=20, choices=PipelineType, db_comment="What the pipeline does")
    description = models.TextField(null=True, blank=True, validators=[refuse_secrets], db_comment="Free text")
    environment = models.CharField(
        max_length=20,
        choices=Environment,
        default=Environment.PROD,
        db_default=Environment.PROD,
        db_comment="Where the pipeline runs",
    )
    is_active = models.BooleanField(
        default=True, db_default=True, db_comment="False: disabled. CHM keeps its history, but reads no new runs"
    )
    ingested_through = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        db_comment="Watermark: all changes up to this time are stored; empty until the first complete walk",
    )
    ingest_due_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        db_comment="After this time the pipeline is stale: its latest status may be outdated",
    )
    last_ingest_at = models.DateTimeField(
        null=True, blank=True, editable=False, db_comment="When CHM last walked the pipeline completely"
    )
    last_ingest_error = models.TextField(
        null=True,
        blank=True,
        editable=False,
        db_comment="Why the last walk failed, in one sentence; empty if it succeeded",
    )
    source_paused = models.BooleanField(
        null=True,
        blank=True,
        editable=False,
        db_comment="Whether the schedule is paused at the source; empty if the source does not report it",
    )
    source_next_run_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        db_comment="When the schedule of the source starts the next run; empty if the source does not report it",
    )
    source_missing_since = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        db_comment="Since when the source no longer lists the pipeline; empty: it lists the pipeline, or has no list",
    )
    source_url = models.TextField(
        null=True,
        blank=True,
        editable=False,
        db_comment="URL of the pipeline's page at the source, as of the last walk",
    )
    source_url_template = models.TextField(
        null=True,
        blank=True,
        editable=False,
        db_comment="Template for the URLs of runs; CHM replaces {run_id} by the percent-encoded external_run_id",
    )

    pruned_before = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        db_comment="CHM has deleted runs with an event_at before this time, and does not store them again; empty: none",
    )

    # The known failure of the pipeline. Reports compute whether it is still valid (decision 0029).
    known_reason = models.TextField(
        null=True,
        blank=True,
        editable=False,
        db_comment="Why the failure is known; empty if no failure is marked as known",
    )
    known_ticket_url = models.TextField(
        null=True, blank=True, editable=False, db_comment="URL of the ticket of the known failure"
    )
    known_until = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        db_comment="Until when the failure counts as known; empty: until the failure ends",
    )
    known_run_id = models.UUIDField(
        null=True, blank=True, editable=False, db_comment="The failed run that was marked as known"
    )
    known_fingerprint = models.CharField(
        max_length=12,
        null=True,
        blank=True,
        editable=False,
        db_comment="Fingerprint of the incident that the failure belonged to when it was marked as known",
    )
    known_since = models.DateTimeField(
        null=True, blank=True, editable=False, db_comment="When the failure was marked as known"
    )

    objects = PipelineQuerySet.as_manager()

    class Meta:
        db_table = "pipelines"
        db_table_comment = "Pipelines of clients, on any orchestrator"
        ordering = ["name", "id"]
        constraints = [
            # The index of this constraint also serves the sorted list of a client's pipelines. So the foreign key needs
            # no index of its own.
            models.UniqueConstraint(
                fields=["client", "name"],
                name="pipelines_client_name_unique",
                violation_error_message="This client has a pipeline with this name already.",
            ),
            # CHM also uses the index of this constraint to find the pipeline of an external id in a source's response.
            models.UniqueConstraint(
                fields=["client", "platform", "external_id"],
                condition=Q(external_id__isnull=False),
                name="pipelines_client_platform_external_id_unique",
                violation_error_message=("This client has a pipeline with this external id on this platform already."),
            ),
            models.CheckConstraint(
                condition=Q(name__regex=r"\S"),
                name="pipelines_name_not_blank",
                violation_error_message="A pipeline needs a name.",
            ),
            models.CheckConstraint(
                condition=Q(external_id__isnull=True) | Q(external_id__regex=r"\S"),
                name="pipelines_external_id_not_blank",
                violation_error_message="Leave external_id out (null) when the pipeline has none.",
            ),
            valid_choice("platform", Platform, name="pipelines_platform_valid"),
            valid_choice("pipeline_type", PipelineType, name="pipelines_pipeline_type_valid"),
            valid_choice("environment", Environment, name="pipelines_environment_valid"),
            web_address("source_url", name="pipelines_source_url_http"),
            web_address("source_url_template", name="pipelines_source_url_template_http"),
            models.CheckConstraint(
                condition=Q(
                    known_reason__isnull=False,
                    known_run_id__isnull=False,
                    known_fingerprint__isnull=False,
                    known_since__isnull=False,
                )
                | Q(
                    known_reason__isnull=True,
                    known_run_id__isnull=True,
                    known_fingerprint__isnull=True,
                    known_since__isnull=True,
                    known_ticket_url__isnull=True,
                    known_until__isnull=True,
                ),
                name="pipelines_known_failure_complete",
                violation_error_message="A known failure needs a reason, a run, a fingerprint and a time.",
            ),
            models.CheckConstraint(
                condition=Q(known_reason__isnull=True) | Q(known_reason__regex=r"\S"),
                name="pipelines_known_reason_not_blank",
                violation_error_message="Say why the failure is known.",
            ),
            models.CheckConstraint(
                condition=Q(known_until__isnull=True) | Q(known_until__gt=F("known_since")),
                name="pipelines_known_until_later",
                violation_error_message="A known failure must end later than it was marked.",
            ),
            web_address("known_ticket_url", name="pipelines_known_ticket_url_http"),
        ]
        indexes = [
            # For lists of the pipelines of all clients, which are sorted and paged by (name, id).
            models.Index(fields=["name", "id"], name="pipelines_by_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def stale_since(self, moment: datetime) -> datetime | None:
        """Return ingest_due_at if it has passed, else None. The SQL fragment `stale` implements the same rule."""
        return self.ingest_due_at if self.ingest_due_at is not None and self.ingest_due_at < moment else None

    def ingestion_state(self, moment: datetime, *, has_runs: bool) -> str:
        """Return the state of the pipeline's ingestion: the first one of this list that applies.

        - "none": CHM does not ingest the pipeline, because it is disabled or has no external id.
        - "missing": the source no longer lists the pipeline.
        - "walk failed": the last walk failed.
        - "pushed": CHM has never walked the pipeline completely, but the pipeline has runs.
        - "not yet": CHM has never walked the pipeline completely, and the pipeline has no runs.
        - "stale": the next walk is overdue.
        - "ok": all other pipelines.
        """
        if self.external_id is None or not (self.is_active and self.client.is_active):
            return "none"
        if self.source_missing_since:
            return "missing"
        if self.last_ingest_error:
            return "walk failed"
        if self.last_ingest_at is None:
            return "pushed" if has_runs else "not yet"
        return "stale" if self.stale_since(moment) else "ok"

    def name_with_client(self) -> str:
        """Return a text such as "orders of Acme", because several clients can have a pipeline named "orders"."""
        return f"{self.name} of {self.client.name}"

    def autocomplete_label(self) -> str:
        return self.name_with_client() if self.is_active else f"{self.name_with_client()} (disabled)"

    # If one of these fields changes, the pipeline has another source, and its whole history is ingested again.
    SOURCE_FIELDS = ("client_id", "platform", "external_id")

    # If the source changes, save() clears these fields, and the next ingestions set them again. The times and the error
    # of the last walk stay.
    CLEARED_WITH_SOURCE = (
        "ingested_through", "source_paused", "source_next_run_at", "source_missing_since", "source_url",
        "source_url_template",
    )  # fmt: skip

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the pipeline. If its client, platform or external id has changed, clear the CLEARED_WITH_SOURCE fields.

        Mask secrets in the description and the external id. Forms and the API refuse secrets, so only values from other
        callers can contain them.
        """
        for field in ("description", "external_id"):
            if value := getattr(self, field):
                setattr(self, field, scrub_text(value))
        if not self._state.adding:
            # The instance has only the new values, so read the stored ones.
            stored_source = Pipeline.objects.filter(pk=self.pk).values_list(*self.SOURCE_FIELDS).first()
            if stored_source is not None and stored_source != tuple(
                getattr(self, field) for field in self.SOURCE_FIELDS
            ):
                for field in self.CLEARED_WITH_SOURCE:
                    setattr(self, field, None)
                # If the caller passes update_fields, save() writes only these fields. So add the cleared ones.
                if (fields := kwargs.get("update_fields")) is not None:
                    kwargs["update_fields"] = {*fields, *self.CLEARED_WITH_SOURCE}
        super().save(*args, **kwargs)
