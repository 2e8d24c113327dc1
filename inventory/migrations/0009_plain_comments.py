"""Describe columns in plain words."""

import django.db.models.deletion
from django.db import migrations, models

import chm_project.scrubbing.validators

# Table, column, comment, and the former comment.
COMMENTS = [
    (
        "clients",
        "name",
        "Name of the client; unique, ignoring upper and lower case",
        "Unique without regard to case, shown everywhere",
    ),
    (
        "clients",
        "is_active",
        "False if disabled: not ingested, history kept",
        "False: disabled, history kept, not ingested",
    ),
    ("pipelines", "client_id", "Client that the pipeline runs for", "The client it runs for"),
    ("pipelines", "name", "Name of the pipeline; unique within the client", "Unique within the client"),
    ("pipelines", "platform", "Kind of orchestrator that runs the pipeline", "Kind of orchestrator that runs it"),
    (
        "pipelines",
        "external_id",
        "Name of the pipeline in the orchestrator; empty if the pipeline is not ingested",
        "Its name in the orchestrator; without one it is not ingested",
    ),
    ("pipelines", "pipeline_type", "What the pipeline does", "What it does"),
    ("pipelines", "environment", "Where the pipeline runs", "Where it runs"),
    (
        "pipelines",
        "is_active",
        "False if disabled: not ingested, history kept",
        "False: disabled, history kept, not ingested",
    ),
    (
        "pipelines",
        "ingested_through",
        "Watermark: all changes up to this time are stored; empty until the first complete walk",
        "Watermark: every change up to here is stored; empty until the first complete walk",
    ),
    (
        "pipelines",
        "ingest_due_at",
        "After this time the status of the pipeline is stale",
        "Past this moment the pipeline's status is stale",
    ),
    (
        "pipelines",
        "last_ingest_at",
        "When ingestion last finished a walk of the pipeline",
        "When ingestion last finished a walk of it",
    ),
    (
        "pipelines",
        "last_ingest_error",
        "Why the last walk failed, in one sentence; empty if it succeeded",
        "Why its last walk failed, in one sentence; empty when it did not",
    ),
    (
        "pipelines",
        "source_paused",
        "Whether the schedule is paused at the source; empty if the source does not report it",
        "Whether the source has paused its schedule; empty where the source does not say",
    ),
    (
        "pipelines",
        "source_next_run_at",
        "When the schedule of the source starts the next run; empty if the source does not report it",
        "When the source will start it next, by its own schedule; empty where the source does not say",
    ),
    (
        "pipelines",
        "source_missing_since",
        "Since when the pipeline is missing from the source's list; empty if listed, or if no list exists",
        "Since when the source's list of pipelines lacks it; empty while it is there, or nothing is listed",
    ),
    (
        "pipelines",
        "source_url",
        "URL of the pipeline's page at the source, as of the last walk",
        "Address of its page at the source, as of the last walk",
    ),
    (
        "pipelines",
        "source_url_template",
        "URL of the pages of runs at the source; {run_id} stands for the percent-encoded external_run_id",
        "Address of its runs' pages at the source: {run_id} stands for the percent-encoded external_run_id",
    ),
    (
        "pipelines",
        "pruned_before",
        "Runs before this time were pruned and are not stored again; empty until the first pruning",
        "Runs that happened before were pruned and are not stored again; empty until the first pruning",
    ),
    (
        "pipelines",
        "known_reason",
        "Why the failure is known; empty if no failure is marked as known",
        "Why its failure is known; empty: it was not marked as known",
    ),
    (
        "pipelines",
        "known_ticket_url",
        "URL of the ticket of the known failure",
        "Address of the ticket of the known failure",
    ),
    (
        "pipelines",
        "known_until",
        "When the mark as known ends; empty if it ends only with the failure",
        "The failure is known until then; empty: until it ends",
    ),
    (
        "pipelines",
        "known_fingerprint",
        "Fingerprint of the failure's incident when it was marked",
        "The incident of that failure when it was marked",
    ),
]


def _comment(table: str, column: str, text: str) -> str:
    quoted = text.replace("'", "''")
    return f"COMMENT ON COLUMN {table}.{column} IS '{quoted}'"


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0008_client_names"),
    ]

    operations = [
        # AlterField would set the type of each column again, which fails while a view reads the column.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="client",
                    name="is_active",
                    field=models.BooleanField(
                        db_comment="False if disabled: not ingested, history kept", db_default=True, default=True
                    ),
                ),
                migrations.AlterField(
                    model_name="client",
                    name="name",
                    field=models.CharField(
                        db_comment="Name of the client; unique, ignoring upper and lower case", max_length=255
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="client",
                    field=models.ForeignKey(
                        db_comment="Client that the pipeline runs for",
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pipelines",
                        to="inventory.client",
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="environment",
                    field=models.CharField(
                        choices=[("dev", "Development"), ("staging", "Staging"), ("prod", "Production")],
                        db_comment="Where the pipeline runs",
                        db_default="prod",
                        default="prod",
                        max_length=20,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="external_id",
                    field=models.CharField(
                        blank=True,
                        db_comment="Name of the pipeline in the orchestrator; empty if the pipeline is not ingested",
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
                        db_comment="After this time the status of the pipeline is stale",
                        editable=False,
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="ingested_through",
                    field=models.DateTimeField(
                        blank=True,
                        db_comment="Watermark: all changes up to this time are stored; empty until the first complete walk",
                        editable=False,
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="is_active",
                    field=models.BooleanField(
                        db_comment="False if disabled: not ingested, history kept", db_default=True, default=True
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="known_fingerprint",
                    field=models.CharField(
                        blank=True,
                        db_comment="Fingerprint of the failure's incident when it was marked",
                        editable=False,
                        max_length=12,
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="known_reason",
                    field=models.TextField(
                        blank=True,
                        db_comment="Why the failure is known; empty if no failure is marked as known",
                        editable=False,
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="known_ticket_url",
                    field=models.TextField(
                        blank=True, db_comment="URL of the ticket of the known failure", editable=False, null=True
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="known_until",
                    field=models.DateTimeField(
                        blank=True,
                        db_comment="When the mark as known ends; empty if it ends only with the failure",
                        editable=False,
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="last_ingest_at",
                    field=models.DateTimeField(
                        blank=True,
                        db_comment="When ingestion last finished a walk of the pipeline",
                        editable=False,
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="last_ingest_error",
                    field=models.TextField(
                        blank=True,
                        db_comment="Why the last walk failed, in one sentence; empty if it succeeded",
                        editable=False,
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="name",
                    field=models.CharField(db_comment="Name of the pipeline; unique within the client", max_length=255),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="pipeline_type",
                    field=models.CharField(
                        choices=[
                            ("ingestion", "Ingestion"),
                            ("transform", "Transform"),
                            ("quality", "Quality"),
                            ("export", "Export"),
                            ("healthcheck", "Health check"),
                        ],
                        db_comment="What the pipeline does",
                        max_length=20,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="platform",
                    field=models.CharField(
                        choices=[
                            ("airflow", "Airflow"),
                            ("dbt", "dbt"),
                            ("cron", "Cron"),
                            ("vendor_api", "Vendor API"),
                            ("custom", "Custom"),
                        ],
                        db_comment="Kind of orchestrator that runs the pipeline",
                        max_length=20,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="pruned_before",
                    field=models.DateTimeField(
                        blank=True,
                        db_comment="Runs before this time were pruned and are not stored again; empty until the first pruning",
                        editable=False,
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="source_missing_since",
                    field=models.DateTimeField(
                        blank=True,
                        db_comment="Since when the pipeline is missing from the source's list; empty if listed, or if no list exists",
                        editable=False,
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="source_next_run_at",
                    field=models.DateTimeField(
                        blank=True,
                        db_comment="When the schedule of the source starts the next run; empty if the source does not report it",
                        editable=False,
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="source_paused",
                    field=models.BooleanField(
                        blank=True,
                        db_comment="Whether the schedule is paused at the source; empty if the source does not report it",
                        editable=False,
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="source_url",
                    field=models.TextField(
                        blank=True,
                        db_comment="URL of the pipeline's page at the source, as of the last walk",
                        editable=False,
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="pipeline",
                    name="source_url_template",
                    field=models.TextField(
                        blank=True,
                        db_comment="URL of the pages of runs at the source; {run_id} stands for the percent-encoded external_run_id",
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
        migrations.AlterConstraint(
            model_name="pipeline",
            name="pipelines_known_until_later",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("known_until__isnull", True), ("known_until__gt", models.F("known_since")), _connector="OR"
                ),
                name="pipelines_known_until_later",
                violation_error_message="A known failure must end later than it was marked.",
            ),
        ),
    ]
