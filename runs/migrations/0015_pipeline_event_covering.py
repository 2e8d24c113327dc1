"""Include what reports read of a pipeline's runs in the index of its newest runs.

Flips, streaks and unusual runs read many runs of a pipeline. Each was a read of the table at another place.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0014_rollup_adds_less")]

    operations = [
        migrations.RemoveIndex(model_name="run", name="runs_by_pipeline_event"),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                models.F("pipeline"),
                models.OrderBy(models.F("event_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                include=("status", "duration_seconds", "rows_processed"),
                name="runs_by_pipeline_event",
            ),
        ),
    ]
