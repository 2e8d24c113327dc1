"""Runs of pipelines, each in the latest state that its source reported.

`runs.services` stores runs. `error_texts` and `stored_secrets` change stored runs. `retention` and
`chm_project.operations.erasure` delete them.
"""

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, Func, OuterRef, Q, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Collate, Now
from django.db.models.lookups import Exact, LessThanOrEqual

from chm_project.db.address_constraints import web_address
from chm_project.db.base_model import BaseModel
from chm_project.db.choice_constraints import valid_choice
from inventory.models import Pipeline

MINUS_INFINITY = Cast(Value("-infinity"), models.DateTimeField())

# Sort keys of runs, in which a missing time is the earliest. Because of coalesce(), one index serves the order, the
# reverse order, and the search for the next page, which begins after a given run (decision 0003).
START_KEY = Coalesce("started_at", MINUS_INFINITY)
END_KEY = Coalesce("finished_at", MINUS_INFINITY)
# The collation C compares texts byte by byte. With most other collations, an index cannot find texts by their
# beginning.
ID_IN_BYTE_ORDER = Collate("external_run_id", "C")


class Status(models.TextChoices):
    RUNNING = "running", "Running"
    SUCCESS = "success", "Success"
    FAILED = "failed", "Failed"
    CANCELED = "canceled", "Canceled"
    SKIPPED = "skipped", "Skipped"


# The latest run with one of these statuses decides whether its pipeline is failing. Runs with other statuses neither
# end nor hide a failure.
DECISIVE_STATUSES = frozenset({Status.SUCCESS, Status.FAILED})


class RunQuerySet(models.QuerySet["Run"]):
    def latest_first(self) -> "RunQuerySet":
        return self.order_by(START_KEY.desc(), END_KEY.desc(), "-id")

    def earliest_first(self) -> "RunQuerySet":
        """Return the runs in the exact reverse of latest_first."""
        return self.order_by(START_KEY.asc(), END_KEY.asc(), "id")

    def with_source_url(self, *, pipeline_id: Any = None) -> "RunQuerySet":
        """Annotate `source_url`, the address of the run's page at its source; null if unknown.

        If all runs belong to one pipeline, give its id. Then PostgreSQL reads the template once and not for each run.
        """
        pipeline_of_run = OuterRef("pipeline_id") if pipeline_id is None else pipeline_id
        template = Pipeline.objects.filter(pk=pipeline_of_run).order_by().values("source_url_template")
        return self.annotate(
            # A subquery, not a join, so that PostgreSQL reads the template only for the rows of the page.
            source_url=Func(
                F("given_source_url"),
                Subquery(template),
                F("external_run_id"),
                function="run_source_url",
                output_field=models.TextField(null=True),
            )
        )

    def without_error_text(self) -> "RunQuerySet":
        """Return failed runs without an error text."""
        return self.filter(status=Status.FAILED, error_message=None)

    def started_until(self, as_of: datetime | None) -> "RunQuerySet":
        """Return the runs that had started by `as_of`; all runs if it is None. event_at replaces a missing start."""
        if as_of is None:
            return self.all()
        # Because of the first condition, PostgreSQL can begin its scan of the index runs_latest at `as_of`. This
        # condition is true for every run without a start, so the second condition checks these runs.
        return self.filter(
            LessThanOrEqual(START_KEY, Value(as_of)), Q(started_at__isnull=False) | Q(event_at__lte=as_of)
        )

    def decisive(self) -> "RunQuerySet":
        return self.filter(status__in=DECISIVE_STATUSES)

    def still_open(self) -> "RunQuerySet":
        return self.filter(status=Status.RUNNING)


class Run(BaseModel):
    pipeline = models.ForeignKey(
        Pipeline,
        # A pipeline with runs is disabled and not deleted. The erasure of a client deletes the runs first.
        on_delete=models.PROTECT,
        related_name="runs",
        # No separate index, because other indexes begin with the pipeline.
        db_index=False,
        db_comment="Pipeline of the run",
    )
    external_run_id = models.CharField(
        max_length=255, db_comment="Id of the run at the source; unique within the pipeline"
    )
    status = models.CharField(
        max_length=20, choices=Status, db_comment="Status of the run, translated from the status at the source"
    )
    started_at = models.DateTimeField(null=True, blank=True, db_comment="When the run started, according to the source")
    finished_at = models.DateTimeField(null=True, blank=True, db_comment="When the run ended, according to the source")
    duration_seconds = models.IntegerField(
        null=True,
        blank=True,
        db_comment="Duration in whole seconds, according to the source; else finished_at minus started_at",
    )
    rows_processed = models.BigIntegerField(
        null=True, blank=True, db_comment="Rows that the run processed, according to the source"
    )
    error_message = models.TextField(null=True, blank=True, db_comment="Why the run failed, without secrets")
    status_reason = models.TextField(
        null=True, blank=True, db_comment="Details of the status, and what CHM corrected in the response of the source"
    )
    payload = models.JSONField(
        null=True, blank=True, db_comment="Response of the source about the run, without secrets"
    )
    source_updated_at = models.DateTimeField(
        null=True,
        blank=True,
        db_comment="Version of the stored state: when the source changed the run, or the time of CHM's request. CHM "
        "stores no older version",
    )
    ingested_at = models.DateTimeField(db_default=Now(), db_comment="When CHM last stored a change of the run")
    given_source_url = models.TextField(
        null=True,
        blank=True,
        db_comment="URL of the run's page that the source returned; empty: CHM uses the pipeline's source_url_template",
    )
    started_at_kept = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        db_comment="True if started_at belongs to the former attempt, because the re-opened run has no new start yet",
    )
    error_message_fetched = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        db_comment="True if CHM fetched error_message with a second request, for example from the log of a task",
    )
    event_at = models.GeneratedField(
        expression=Coalesce("finished_at", "started_at", "created_at"),
        output_field=models.DateTimeField(),
        # PostgreSQL 15 has no virtual generated columns, and indexes need a stored one.
        db_persist=True,
        db_comment="When the run happened: finished_at, else started_at, else created_at; reports use this time",
    )

    objects = RunQuerySet.as_manager()

    class Meta:
        db_table = "runs"
        db_table_comment = "Runs of pipelines, one row per run, updated in place"
        constraints = [
            models.UniqueConstraint(
                fields=["pipeline", "external_run_id"],
                name="runs_pipeline_external_run_id_unique",
                violation_error_message="This pipeline has a run with this external_run_id already.",
            ),
            models.CheckConstraint(
                condition=~Q(external_run_id=""),
                name="runs_external_run_id_not_empty",
                violation_error_message="A run needs an external_run_id.",
            ),
            valid_choice("status", Status, name="runs_status_valid"),
            web_address("given_source_url", name="runs_given_source_url_http"),
            models.CheckConstraint(
                condition=Q(duration_seconds__isnull=True) | Q(duration_seconds__gte=0),
                name="runs_duration_seconds_not_negative",
                violation_error_message="duration_seconds must not be negative.",
            ),
            models.CheckConstraint(
                condition=Q(rows_processed__isnull=True) | Q(rows_processed__gte=0),
                name="runs_rows_processed_not_negative",
                violation_error_message="rows_processed must not be negative.",
            ),
            models.CheckConstraint(
                condition=Q(payload__isnull=True)
                | Q(
                    Exact(
                        Func(F("payload"), function="jsonb_typeof", output_field=models.TextField()),
                        Value("object"),
                    )
                ),
                name="runs_payload_is_object",
                violation_error_message="payload must be a JSON object.",
            ),
        ]
        indexes = [
            # For the latest run of a pipeline, lists of its runs in both directions, and windows on started_at. With
            # the included columns, summaries and boards use index-only scans.
            models.Index(
                "pipeline",
                START_KEY.desc(),
                END_KEY.desc(),
                F("id").desc(),
                name="runs_latest",
                include=["status", "started_at", "finished_at", "event_at"],
            ),
            # For runs across pipelines, newest first. With the included columns, shapes over a window use index-only
            # scans.
            models.Index(
                F("event_at").desc(),
                F("id").desc(),
                name="runs_by_event",
                include=["pipeline", "status", "duration_seconds", "rows_processed"],
            ),
            # For the newest runs of each pipeline. The list of a client's runs is merged from them (decision 0006).
            # With the included columns, reports compare the runs of a pipeline in an index-only scan.
            models.Index(
                "pipeline",
                F("event_at").desc(),
                F("id").desc(),
                name="runs_by_pipeline_event",
                include=["status", "duration_seconds", "rows_processed"],
            ),
            # For the search by external_run_id or its beginning, in the console and the API.
            models.Index(ID_IN_BYTE_ORDER, name="runs_by_external_id"),
            # For failures in a window. Partial, because only a few runs in a hundred fail.
            models.Index(fields=["event_at"], name="runs_failed", include=["pipeline"], condition=Q(status="failed")),
            # For the last failure of a pipeline: changes_since_yesterday. Partial for the same reason.
            models.Index(
                "pipeline",
                START_KEY.desc(),
                END_KEY.desc(),
                F("id").desc(),
                name="runs_failed_by_pipeline",
                include=["started_at", "finished_at", "event_at"],
                condition=Q(status="failed"),
            ),
            # For failed runs for which ingestion asks the source for an error text.
            models.Index(
                fields=["event_at"],
                name="runs_without_error_text",
                include=["pipeline"],
                condition=Q(status="failed", error_message__isnull=True),
            ),
            # For open runs: ingestion reads them again, and pings end the newest one.
            models.Index(fields=["pipeline"], condition=Q(status="running"), name="runs_open"),
            # Migration 0019 creates two more indexes, runs_other_day and runs_other_day_by_start: for runs that the
            # roll-up counts on another day than the day of their start. runs_other_day also has runs without a start.
        ]

    def __str__(self) -> str:
        return self.external_run_id
