"""Add an index of the failures of each pipeline, latest first.

changes_since_yesterday searches the last failure of a pipeline. Without the index, it reads every success since then.
"""

from django.db import migrations, models
from django.db.models.functions import Cast, Coalesce

MINUS_INFINITY = Cast(models.Value("-infinity"), models.DateTimeField())
NAME = "runs_failed_by_pipeline"
INDEX = models.Index(
    models.F("pipeline"),
    models.OrderBy(Coalesce("started_at", MINUS_INFINITY), descending=True),
    models.OrderBy(Coalesce("finished_at", MINUS_INFINITY), descending=True),
    models.OrderBy(models.F("id"), descending=True),
    condition=models.Q(("status", "failed")),
    include=("started_at", "finished_at", "event_at"),
    name=NAME,
)
DEFINITION = """(
    pipeline_id, (coalesce(started_at, '-infinity'::timestamptz)) DESC,
    (coalesce(finished_at, '-infinity'::timestamptz)) DESC, id DESC
) INCLUDE (started_at, finished_at, event_at) WHERE status = 'failed'"""


class Migration(migrations.Migration):
    # The former release reads and writes runs while this index is built, so it is built concurrently, which PostgreSQL
    # does not allow in a transaction. A second try removes what an interrupted one left.
    atomic = False
    dependencies = [("runs", "0019_runs_of_another_day")]

    operations = [
        migrations.RunSQL(
            [f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}", f"CREATE INDEX CONCURRENTLY {NAME} ON runs {DEFINITION}"],
            [f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}"],
            state_operations=[migrations.AddIndex(model_name="run", index=INDEX)],
        ),
    ]
