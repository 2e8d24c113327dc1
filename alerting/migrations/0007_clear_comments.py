"""Describe columns in plainer words. Correct what include_known excludes, and say that CHM sends no notifications."""

from django.db import migrations

from chm_project.db.alter_comments import AlterComments


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
        AlterComments(
            model_name="alertrule",
            comments={
                "rule_type": "on_failure: fires while a pipeline is failing; failures_in_window: fires while at least threshold runs failed in the last window_minutes",
                "threshold": "The rule fires if at least this many runs in the window failed",
                "channel": "Kind of the destination; CHM itself sends no notifications",
                "is_enabled": "False: the rule is kept, but never fires",
                "client": "The rule watches the active pipelines of this client; ignored if the rule has a pipeline",
                "pipeline": "The rule watches only this pipeline, and belongs to its client; empty: see client_id",
                "include_known": "False: pipelines whose failure is known, or that failed in planned maintenance, do not count",
            },
        ),
    ]
