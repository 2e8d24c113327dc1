"""Describe columns in plain words."""

import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.datetime
from django.db import migrations, models

# Table, column, comment, and the former comment.
COMMENTS = [
    ("runs", "pipeline_id", "Pipeline of the run", "The pipeline that ran"),
    (
        "runs",
        "external_run_id",
        "Id of the run at the source; together with the pipeline, the idempotency key",
        "The source's own id; with the pipeline the idempotency key",
    ),
    ("runs", "started_at", "When the run started, according to the source", "When it started, by the source"),
    ("runs", "finished_at", "When the run ended, according to the source", "When it ended, by the source"),
    (
        "runs",
        "duration_seconds",
        "Duration in whole seconds: the value of the source, or finished_at minus started_at",
        "Whole seconds, the source's or finished less started",
    ),
    (
        "runs",
        "rows_processed",
        "Rows that the run processed, according to the source",
        "Rows it handled, by the source",
    ),
    ("runs", "error_message", "Why the run failed, without secrets", "Why it failed, scrubbed of secrets"),
    (
        "runs",
        "status_reason",
        "Details of the status, and what CHM corrected in the response of the source",
        "More on the status, and what CHM repaired in the source's answer",
    ),
    (
        "runs",
        "payload",
        "Response of the source about the run, without secrets",
        "The source's own answer, scrubbed of secrets",
    ),
    (
        "runs",
        "source_updated_at",
        "Version: the source's time of the update or event, or the time of CHM's request",
        "Version: the source's update or event time, or when we asked",
    ),
    ("runs", "ingested_at", "When CHM last accepted a write of the run", "Last accepted write"),
    (
        "runs",
        "given_source_url",
        "URL of the run's page at the source; empty if only the pipeline's template gives it",
        "Address of its page at the source where the source gives one; else the pipeline's template says it",
    ),
    (
        "runs",
        "started_at_kept",
        "True if started_at belongs to the former attempt: the run was re-opened and has no new start yet",
        "started_at is the former attempt's: the run was re-opened and has no new start yet",
    ),
    (
        "runs",
        "error_message_fetched",
        "True if error_message comes from a second request, not from the response that describes the run",
        "error_message comes from a second request, not from the answer that describes the run",
    ),
    (
        "runs",
        "event_at",
        "When the run happened: when it ended, else when it started, else when it was stored",
        "When it happened: finished, else started, else stored",
    ),
]


def _comment(table: str, column: str, text: str) -> str:
    quoted = text.replace("'", "''")
    return f"COMMENT ON COLUMN {table}.{column} IS '{quoted}'"


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0009_plain_comments"),
        ("runs", "0008_rollup"),
    ]

    operations = [
        # AlterField would set the type of each column again, which fails while a view reads the column.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="run",
                    name="duration_seconds",
                    field=models.IntegerField(
                        blank=True,
                        db_comment="Duration in whole seconds: the value of the source, or finished_at minus started_at",
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="error_message",
                    field=models.TextField(blank=True, db_comment="Why the run failed, without secrets", null=True),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="error_message_fetched",
                    field=models.BooleanField(
                        db_comment="True if error_message comes from a second request, not from the response that describes the run",
                        db_default=False,
                        default=False,
                        editable=False,
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="event_at",
                    field=models.GeneratedField(
                        db_comment="When the run happened: when it ended, else when it started, else when it was stored",
                        db_persist=True,
                        expression=django.db.models.functions.comparison.Coalesce(
                            "finished_at", "started_at", "created_at"
                        ),
                        output_field=models.DateTimeField(),
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="external_run_id",
                    field=models.CharField(
                        db_comment="Id of the run at the source; together with the pipeline, the idempotency key",
                        max_length=255,
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="finished_at",
                    field=models.DateTimeField(
                        blank=True, db_comment="When the run ended, according to the source", null=True
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="given_source_url",
                    field=models.TextField(
                        blank=True,
                        db_comment="URL of the run's page at the source; empty if only the pipeline's template gives it",
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="ingested_at",
                    field=models.DateTimeField(
                        db_comment="When CHM last accepted a write of the run",
                        db_default=django.db.models.functions.datetime.Now(),
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="payload",
                    field=models.JSONField(
                        blank=True, db_comment="Response of the source about the run, without secrets", null=True
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="pipeline",
                    field=models.ForeignKey(
                        db_comment="Pipeline of the run",
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="inventory.pipeline",
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="rows_processed",
                    field=models.BigIntegerField(
                        blank=True, db_comment="Rows that the run processed, according to the source", null=True
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="source_updated_at",
                    field=models.DateTimeField(
                        blank=True,
                        db_comment="Version: the source's time of the update or event, or the time of CHM's request",
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="started_at",
                    field=models.DateTimeField(
                        blank=True, db_comment="When the run started, according to the source", null=True
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="started_at_kept",
                    field=models.BooleanField(
                        db_comment="True if started_at belongs to the former attempt: the run was re-opened and has no new start yet",
                        db_default=False,
                        default=False,
                        editable=False,
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="status_reason",
                    field=models.TextField(
                        blank=True,
                        db_comment="Details of the status, and what CHM corrected in the response of the source",
                        null=True,
                    ),
                ),
            ],
            database_operations=[
                migrations.RunSQL([_comment(table, column, new)], [_comment(table, column, former)])
                for table, column, new, former in COMMENTS
            ],
        ),
    ]
