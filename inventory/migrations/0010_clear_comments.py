"""Describe columns in plainer words: what is_active, external_id and the times of ingestion hold."""

from django.db import migrations, models

import chm_project.scrubbing.validators

# Table, column, comment, and the former comment.
COMMENTS = [
    (
        "clients",
        "is_active",
        "False: disabled. CHM keeps its history, but reads no new runs",
        "False if disabled: not ingested, history kept",
    ),
    (
        "pipelines",
        "external_id",
        "Id of the pipeline in its orchestrator, such as a DAG id; empty: CHM does not ingest the pipeline",
        "Name of the pipeline in the orchestrator; empty if the pipeline is not ingested",
    ),
    (
        "pipelines",
        "is_active",
        "False: disabled. CHM keeps its history, but reads no new runs",
        "False if disabled: not ingested, history kept",
    ),
    (
        "pipelines",
        "ingest_due_at",
        "After this time the pipeline is stale: its latest status may be outdated",
        "After this time the status of the pipeline is stale",
    ),
    (
        "pipelines",
        "last_ingest_at",
        "When CHM last walked the pipeline completely",
        "When ingestion last finished a walk of the pipeline",
    ),
    (
        "pipelines",
        "source_url_template",
        "Template for the URLs of runs; CHM replaces {run_id} by the percent-encoded external_run_id",
        "URL of the pages of runs at the source; {run_id} stands for the percent-encoded external_run_id",
    ),
    (
        "pipelines",
        "pruned_before",
        "CHM has deleted runs with an event_at before this time, and does not store them again; empty: none",
        "Runs before this time were pruned and are not stored again; empty until the first pruning",
    ),
    (
        "pipelines",
        "source_missing_since",
        "Since when the source no longer lists the pipeline; empty: it lists the pipeline, or has no list",
        "Since when the pipeline is missing from the source's list; empty if listed, or if no list exists",
    ),
    (
        "pipelines",
        "known_fingerprint",
        "Fingerprint of the incident that the failure belonged to when it was marked as known",
        "Fingerprint of the failure's incident when it was marked",
    ),
    (
        "pipelines",
        "known_until",
        "Until when the failure counts as known; empty: until the failure ends",
        "When the mark as known ends; empty if it ends only with the failure",
    ),
]


def _comment(table: str, column: str, text: str) -> str:
    quoted = text.replace("'", "''")
    return f"COMMENT ON COLUMN {table}.{column} IS '{quoted}'"


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0009_plain_comments"),
    ]

    operations = [
        # AlterField would set the type of each column again, which locks the table and fails while a view reads the column.
        # COMMENT ON only changes the catalog.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="client",
                    name="is_active",
                    field=models.BooleanField(
                        db_comment="False: disabled. CHM keeps its history, but reads no new runs",
                        db_default=True,
                        default=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="external_id",
                    field=models.CharField(
                        blank=True,
                        db_comment="Id of the pipeline in its orchestrator, such as a DAG id; empty: CHM does not ingest the pipeline",
                        max_length=255,
                        null=True,
                        validators=[chm_project.scrubbing.validators.refuse_secrets],
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="ingest_due_at",
                    field=models.DateTimeField(
                        blank=True,
                        db_comment="After this time the pipeline is stale: its latest status may be outdated",
                        editable=False,
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="is_active",
                    field=models.BooleanField(
                        db_comment="False: disabled. CHM keeps its history, but reads no new runs",
                        db_default=True,
                        default=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="known_fingerprint",
                    field=models.CharField(
                        blank=True,
                        db_comment="Fingerprint of the incident that the failure belonged to when it was marked as known",
                        editable=False,
                        max_length=12,
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="known_until",
                    field=models.DateTimeField(
                        blank=True,
                        db_comment="Until when the failure counts as known; empty: until the failure ends",
                        editable=False,
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="last_ingest_at",
                    field=models.DateTimeField(
                        blank=True, db_comment="When CHM last walked the pipeline completely", editable=False, null=True
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="pruned_before",
                    field=models.DateTimeField(
                        blank=True,
                        db_comment="CHM has deleted runs with an event_at before this time, and does not store them again; empty: none",
                        editable=False,
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="source_missing_since",
                    field=models.DateTimeField(
                        blank=True,
                        db_comment="Since when the source no longer lists the pipeline; empty: it lists the pipeline, or has no list",
                        editable=False,
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="source_url_template",
                    field=models.TextField(
                        blank=True,
                        db_comment="Template for the URLs of runs; CHM replaces {run_id} by the percent-encoded external_run_id",
                        editable=False,
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
