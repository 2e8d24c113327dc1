"""Describe columns in plain words."""

from django.db import migrations, models

# Table, column, comment, and the former comment.
COMMENTS = [
    ("alert_rules", "rule_type", "Condition under which the rule fires", "What must hold"),
    (
        "alert_rules",
        "threshold",
        "Number of failed runs in the window from which the rule fires",
        "Failed runs needed in the window",
    ),
    ("alert_rules", "window_minutes", "Length of the window in minutes", "Length of the window"),
    ("alert_rules", "channel", "How people are notified", "How people are to be told"),
    (
        "alert_rules",
        "destination",
        "Name of a channel, e-mail address or URL of a hook",
        "Channel name, address or hook",
    ),
    ("alert_rules", "is_enabled", "False if disabled: kept, never fires", "False: kept, not evaluated"),
    (
        "alert_rules",
        "include_known",
        "False: pipelines with a known failure do not count",
        "False: pipelines whose failure is known do not count",
    ),
]


def _comment(table: str, column: str, text: str) -> str:
    quoted = text.replace("'", "''")
    return f"COMMENT ON COLUMN {table}.{column} IS '{quoted}'"


class Migration(migrations.Migration):
    dependencies = [
        ("alerting", "0005_destination_fits_channel"),
    ]

    operations = [
        # AlterField would set the type of each column again, which fails while a view reads the column.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="alertrule",
                    name="channel",
                    field=models.CharField(
                        choices=[("slack", "Slack"), ("email", "E-mail"), ("webhook", "Webhook")],
                        db_comment="How people are notified",
                        max_length=20,
                    ),
                ),
                migrations.AlterField(
                    model_name="alertrule",
                    name="destination",
                    field=models.CharField(
                        db_comment="Name of a channel, e-mail address or URL of a hook", max_length=512
                    ),
                ),
                migrations.AlterField(
                    model_name="alertrule",
                    name="include_known",
                    field=models.BooleanField(
                        db_comment="False: pipelines with a known failure do not count", db_default=True, default=True
                    ),
                ),
                migrations.AlterField(
                    model_name="alertrule",
                    name="is_enabled",
                    field=models.BooleanField(
                        db_comment="False if disabled: kept, never fires", db_default=True, default=True
                    ),
                ),
                migrations.AlterField(
                    model_name="alertrule",
                    name="rule_type",
                    field=models.CharField(
                        choices=[("on_failure", "On failure"), ("failures_in_window", "Failures in a window")],
                        db_comment="Condition under which the rule fires",
                        max_length=20,
                    ),
                ),
                migrations.AlterField(
                    model_name="alertrule",
                    name="threshold",
                    field=models.IntegerField(
                        blank=True,
                        db_comment="Number of failed runs in the window from which the rule fires",
                        null=True,
                    ),
                ),
                migrations.AlterField(
                    model_name="alertrule",
                    name="window_minutes",
                    field=models.IntegerField(blank=True, db_comment="Length of the window in minutes", null=True),
                ),
            ],
            database_operations=[
                migrations.RunSQL([_comment(table, column, new)], [_comment(table, column, former)])
                for table, column, new, former in COMMENTS
            ],
        ),
    ]
