from pathlib import Path

from django.db import migrations

from runs.reporting.schema import create_views, drop_views

APP = Path(__file__).resolve().parents[1]


class Migration(migrations.Migration):
    """Alert rules in the schema reporting, and the gaps that only they can show."""

    dependencies = [("alerting", "0001_initial"), ("runs", "0003_reporting")]

    operations = [migrations.RunSQL(create_views(APP), drop_views(APP))]
