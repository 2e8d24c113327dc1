from django.db import migrations


class Migration(migrations.Migration):
    """Do nothing: `migrate` builds the views of the schema `reporting` after the last migration."""

    dependencies = [("alerting", "0001_initial"), ("runs", "0003_reporting")]

    operations = []
