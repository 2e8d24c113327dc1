"""Index the months of the roll-up by client.

The summary of a client's whole history adds up its months instead of reading all of its runs.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("runs", "0011_rollup_skips_empty")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX rollup_months_by_client ON rollup.months (client_id)",
            "DROP INDEX rollup.rollup_months_by_client",
        ),
    ]
