"""Change the comment of updated_at, which was hard to read."""

from django.db import migrations

from chm_project.db.alter_comments import AlterComments

COMMENT = "When the row last changed. The times and errors of ingestion do not count"


class Migration(migrations.Migration):
    dependencies = [("inventory", "0010_clear_comments")]

    operations = [
        AlterComments("Client", {"updated_at": COMMENT}),
        AlterComments("Pipeline", {"updated_at": COMMENT}),
    ]
