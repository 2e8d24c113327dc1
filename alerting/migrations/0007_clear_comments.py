"""Describe columns in plainer words. Correct that CHM notifies people, and what include_known excludes."""

import django.db.models.deletion
from django.db import migrations, models

# Table, column, comment, and the former comment.
COMMENTS = [
    (
        "alert_rules",
        "rule_type",
        "on_failure: fires while a pipeline is failing; failures_in_window: fires while at least threshold runs failed in the last window_minutes",
        "Condition under which the rule fires",
    ),
    (
        "alert_rules",
        "threshold",
        "The rule fires if at least this many runs in the window failed",
        "Number of failed runs in the window from which the rule fires",
    ),
    ("alert_rules", "channel", "Kind of the destination; CHM itself sends no notifications", "How people are notified"),
    ("alert_rules", "is_enabled", "False: the rule is kept, but never fires", "False if disabled: kept, never fires"),
    (
        "alert_rules",
        "client_id",
        "The rule watches the active pipelines of this client; ignored if the rule has a pipeline",
        "Scope: all active pipelines of this client, unless a pipeline is given",
    ),
    (
        "alert_rules",
        "pipeline_id",
        "The rule watches only this pipeline, and belongs to its client; empty: see client_id",
        "Scope: this pipeline; its client then owns the rule",
    ),
    (
        "alert_rules",
        "include_known",
        "False: pipelines whose failure is known, or that failed in planned maintenance, do not count",
        "False: pipelines with a known failure do not count",
    ),
]


def _comment(table: str, column: str, text: str) -> str:
    quoted = text.replace("'", "''")
    return f"COMMENT ON COLUMN {table}.{column} IS '{quoted}'"


class Migration(migrations.Migration):
    dependencies = [
        ("alerting", "0006_plain_comments"),
        ("inventory", "0010_clear_comments"),
    ]

    operations = [
        migrations.AlterModelTableComment(
            name="alertrule",
            table_comment="Alert rules: conditions about the runs of a client or a pipeline",
        ),
        # AlterField would set the type of each column again, which locks the table and fails while a view reads the column.
        # COMMENT ON only changes the catalog.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="alertrule",
                    name="channel",
                    field=models.CharField(
                        choices=[("slack", "Slack"), ("email", "E-mail"), ("webhook", "Webhook")],
                        db_comment="Kind of the destination; CHM itself sends no notifications",
                        max_length=20,
                    ),
                ),
                migrations.AlterField(
                    model_name="alertrule",
                    name="client",
                    field=models.ForeignKey(
                        blank=True,
                        db_comment="The rule watches the active pipelines of this client; ignored if the rule has a pipeline",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="alert_rules",
                        to="inventory.client",
                    ),
                ),
                migrations.AlterField(
                    model_name="alertrule",
                    name="include_known",
                    field=models.BooleanField(
                        db_comment="False: pipelines whose failure is known, or that failed in planned maintenance, do not count",
                        db_default=True,
                        default=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="alertrule",
                    name="is_enabled",
                    field=models.BooleanField(
                        db_comment="False: the rule is kept, but never fires", db_default=True, default=True
                    ),
                ),
                migrations.AlterField(
                    model_name="alertrule",
                    name="pipeline",
                    field=models.ForeignKey(
                        blank=True,
                        db_comment="The rule watches only this pipeline, and belongs to its client; empty: see client_id",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="alert_rules",
                        to="inventory.pipeline",
                    ),
                ),
                migrations.AlterField(
                    model_name="alertrule",
                    name="rule_type",
                    field=models.CharField(
                        choices=[("on_failure", "On failure"), ("failures_in_window", "Failures in a window")],
                        db_comment="on_failure: fires while a pipeline is failing; failures_in_window: fires while at least threshold runs failed in the last window_minutes",
                        max_length=20,
                    ),
                ),
                migrations.AlterField(
                    model_name="alertrule",
                    name="threshold",
                    field=models.IntegerField(
                        blank=True,
                        db_comment="The rule fires if at least this many runs in the window failed",
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
