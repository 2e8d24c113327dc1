"""Change the comment of updated_at, which was hard to read."""

from django.db import migrations

from chm_project.db.alter_comments import AlterComments

COMMENT = "When the row last changed. The times and errors of ingestion do not count"


class Migration(migrations.Migration):
    dependencies = [("alerting", "0007_clear_comments")]

    operations = [
        AlterComments("AlertRule", {"updated_at": COMMENT}),
    ]
