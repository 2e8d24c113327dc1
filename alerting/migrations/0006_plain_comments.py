"""Describe columns in plain words."""

from django.db import migrations

from chm_project.db.alter_comments import AlterComments


class Migration(migrations.Migration):
    dependencies = [
        ("alerting", "0005_destination_fits_channel"),
    ]

    operations = [
        AlterComments(
            model_name="alertrule",
            comments={
                "rule_type": "Condition under which the rule fires",
                "threshold": "Number of failed runs in the window from which the rule fires",
                "window_minutes": "Length of the window in minutes",
                "channel": "How people are notified",
                "destination": "Name of a channel, e-mail address or URL of a hook",
                "is_enabled": "False if disabled: kept, never fires",
                "include_known": "False: pipelines with a known failure do not count",
            },
        ),
    ]
