"""Describe the account of a token more plainly. Only the text of the form changes, not the database."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0004_plain_help_texts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="apitoken",
            name="user",
            field=models.OneToOneField(
                help_text="The log shows this account as the author of the token's actions.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="api_token",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
