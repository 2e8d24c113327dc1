from django.db import migrations


class Migration(migrations.Migration):
    """Once created this app's views of the schema `reporting`. `migrate` now builds them after the last migration."""

    dependencies = [("alerting", "0001_initial"), ("runs", "0003_reporting")]

    operations = []
