from pathlib import Path

from django.db import migrations

from runs.reporting.schema import create_views, drop_views

APP = Path(__file__).resolve().parents[1]


class Migration(migrations.Migration):
    """The schema that BI users, boards and shapes read. The files are the definition; a change of a view is a new
    migration that drops and creates it."""

    dependencies = [("inventory", "0001_initial"), ("runs", "0002_covering_indexes")]

    operations = [
        migrations.RunSQL(
            (
                "CREATE SCHEMA reporting",
                "COMMENT ON SCHEMA reporting IS 'What boards and BI users may read'",
                *create_views(APP),
            ),
            (*drop_views(APP), "DROP SCHEMA reporting"),
        )
    ]
