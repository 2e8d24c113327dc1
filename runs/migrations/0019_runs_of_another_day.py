"""Two small indexes of the runs that the summary of a client does not find by their day in the roll-up.

The roll-up counts a run on the UTC day of event_at, and a summary selects it by started_at. These are the runs for which
the two days differ, about one in a hundred, and the runs without a start. Raw SQL, because Django cannot write `<>`
between two expressions so that PostgreSQL recognizes the condition in a query.
"""

from django.db import migrations

DAY_OF = "date_bin('1 day', {}, '2001-01-01T00:00:00Z'::timestamptz)"
OTHER_DAY = f"{DAY_OF.format('started_at')} <> {DAY_OF.format('event_at')}"
INDEXES = {
    "runs_other_day": f"(pipeline_id, event_at) INCLUDE (started_at, status) WHERE started_at IS NULL OR {OTHER_DAY}",
    "runs_other_day_by_start": f"(pipeline_id, started_at) INCLUDE (event_at, status) WHERE {OTHER_DAY}",
}


class Migration(migrations.Migration):
    # The former release reads and writes runs while the indexes are built, so they are built concurrently, which
    # PostgreSQL does not allow in a transaction. A second try removes what an interrupted one left.
    atomic = False
    dependencies = [("runs", "0018_failures_by_pipeline")]

    operations = [
        migrations.RunSQL(
            [f"DROP INDEX CONCURRENTLY IF EXISTS {name}", f"CREATE INDEX CONCURRENTLY {name} ON runs {definition}"],
            [f"DROP INDEX CONCURRENTLY IF EXISTS {name}"],
        )
        for name, definition in INDEXES.items()
    ]
