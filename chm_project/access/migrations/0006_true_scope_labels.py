"""Correct the labels of a token's scopes. Only texts of the form change, not the database."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0005_author_of_actions"),
    ]

    operations = [
        migrations.AlterField(
            model_name="apitoken",
            name="scope",
            field=models.CharField(
                choices=[
                    ("read", "Read"),
                    ("ingest", "Push runs and start ingestions"),
                    ("write", "Read, push runs, and change inventory, rules and known failures"),
                    ("admin", "Everything"),
                ],
                max_length=10,
            ),
        ),
    ]
