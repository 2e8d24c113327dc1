"""Describe columns in plainer words, for example what status, given_source_url, started_at_kept and event_at hold."""

import django.db.models.functions.comparison
import django.db.models.functions.datetime
from django.db import migrations, models

# Table, column, comment, and the former comment.
COMMENTS = [
    (
        "runs",
        "external_run_id",
        "Id of the run at the source; unique within the pipeline",
        "Id of the run at the source; together with the pipeline, the idempotency key",
    ),
    ("runs", "status", "Status of the run, translated from the status at the source", "Canonical status"),
    (
        "runs",
        "duration_seconds",
        "Duration in whole seconds, according to the source; else finished_at minus started_at",
        "Duration in whole seconds: the value of the source, or finished_at minus started_at",
    ),
    (
        "runs",
        "source_updated_at",
        "Version of the stored state: when the source changed the run, or the time of CHM's request. CHM stores no older version",
        "Version: the source's time of the update or event, or the time of CHM's request",
    ),
    ("runs", "ingested_at", "When CHM last stored a change of the run", "When CHM last accepted a write of the run"),
    (
        "runs",
        "started_at_kept",
        "True if started_at belongs to the former attempt, because the re-opened run has no new start yet",
        "True if started_at belongs to the former attempt: the run was re-opened and has no new start yet",
    ),
    (
        "runs",
        "event_at",
        "When the run happened: finished_at, else started_at, else created_at; reports use this time",
        "When the run happened: when it ended, else when it started, else when it was stored",
    ),
    (
        "runs",
        "given_source_url",
        "URL of the run's page that the source returned; empty: CHM uses the pipeline's source_url_template",
        "URL of the run's page at the source; empty if only the pipeline's template gives it",
    ),
    (
        "runs",
        "error_message_fetched",
        "True if CHM fetched error_message with a second request, for example from the log of a task",
        "True if error_message comes from a second request, not from the response that describes the run",
    ),
]


def _comment(table: str, column: str, text: str) -> str:
    quoted = text.replace("'", "''")
    return f"COMMENT ON COLUMN {table}.{column} IS '{quoted}'"


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0016_inline_source_url"),
    ]

    operations = [
        # AlterField would set the type of each column again, which locks the table and fails while a view reads the column.
        # COMMENT ON only changes the catalog.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="run",
                    name="duration_seconds",
                    field=models.IntegerField(
                        blank=True,
                        db_comment="Duration in whole seconds, according to the source; else finished_at minus started_at",
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="error_message_fetched",
                    field=models.BooleanField(
                        db_comment="True if CHM fetched error_message with a second request, for example from the log of a task",
                        db_default=False,
                        default=False,
                        editable=False,
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="event_at",
                    field=models.GeneratedField(
                        db_comment="When the run happened: finished_at, else started_at, else created_at; reports use this time",
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
                        db_comment="Id of the run at the source; unique within the pipeline", max_length=255
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="given_source_url",
                    field=models.TextField(
                        blank=True,
                        db_comment="URL of the run's page that the source returned; empty: CHM uses the pipeline's source_url_template",
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="ingested_at",
                    field=models.DateTimeField(
                        db_comment="When CHM last stored a change of the run",
                        db_default=django.db.models.functions.datetime.Now(),
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="source_updated_at",
                    field=models.DateTimeField(
                        blank=True,
                        db_comment="Version of the stored state: when the source changed the run, or the time of CHM's request. CHM stores no older version",
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="started_at_kept",
                    field=models.BooleanField(
                        db_comment="True if started_at belongs to the former attempt, because the re-opened run has no new start yet",
                        db_default=False,
                        default=False,
                        editable=False,
                    ),
                ),
                migrations.AlterField(
                    model_name="run",
                    name="status",
                    field=models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("success", "Success"),
                            ("failed", "Failed"),
                            ("canceled", "Canceled"),
                            ("skipped", "Skipped"),
                        ],
                        db_comment="Status of the run, translated from the status at the source",
                        max_length=20,
                    ),
                ),
            ],
            database_operations=[
                migrations.RunSQL([_comment(table, column, new)], [_comment(table, column, former)])
                for table, column, new, former in COMMENTS
            ],
        ),
    ]
