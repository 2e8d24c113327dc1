"""Change the comment of updated_at, which was hard to read."""

from django.db import migrations

from chm_project.db.alter_comments import AlterComments

COMMENT = "When the row last changed. The times and errors of ingestion do not count"


class Migration(migrations.Migration):
    dependencies = [("runs", "0020_failed_by_pipeline")]

    operations = [
        AlterComments("Run", {"updated_at": COMMENT}),
    ]
