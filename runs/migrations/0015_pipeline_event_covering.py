"""Include what reports read of a pipeline's runs in the index of its newest runs.

Flips, streaks and unusual runs read many runs of a pipeline. Each was a read of the table at another place.
"""

from django.db import migrations, models

INDEX = models.Index(
    models.F("pipeline"),
    models.OrderBy(models.F("event_at"), descending=True),
    models.OrderBy(models.F("id"), descending=True),
    include=("status", "duration_seconds", "rows_processed"),
    name="runs_by_pipeline_event",
)


def replaced(columns: str) -> tuple[str, ...]:
    """Return statements that replace the index by one with these columns."""
    return (
        "DROP INDEX CONCURRENTLY IF EXISTS runs_by_pipeline_event_new",
        f"CREATE INDEX CONCURRENTLY runs_by_pipeline_event_new ON runs {columns}",
        "DROP INDEX CONCURRENTLY IF EXISTS runs_by_pipeline_event",
        "ALTER INDEX runs_by_pipeline_event_new RENAME TO runs_by_pipeline_event",
    )


COLUMNS = "(pipeline_id, event_at DESC, id DESC)"


class Migration(migrations.Migration):
    # The former release reads and writes runs while this index is built, so it is built concurrently, which PostgreSQL
    # does not allow in a transaction. A second try removes what an interrupted one left.
    atomic = False
    dependencies = [("runs", "0014_rollup_adds_less")]

    operations = [
        migrations.RunSQL(
            replaced(f"{COLUMNS} INCLUDE (status, duration_seconds, rows_processed)"),
            replaced(COLUMNS),
            state_operations=[
                migrations.RemoveIndex(model_name="run", name="runs_by_pipeline_event"),
                migrations.AddIndex(model_name="run", index=INDEX),
            ],
        ),
    ]
