from django.db import migrations


class Migration(migrations.Migration):
    """Once created the views of the schema `reporting`. `migrate` now builds them after the last migration."""

    dependencies = [("inventory", "0001_initial"), ("runs", "0002_covering_indexes")]

    operations = []
