"""The triggers of the roll-up need less time for each run.

They first add up by pipeline and 24 hours, which needs one number instead of a date and five columns per run, and then
by scope. They never sort: a session keeps the plan of its first write, and for one run PostgreSQL plans a sort, which is
slow for a page of a thousand.
"""

from importlib import import_module

from django.db import migrations

rollup = import_module("runs.migrations.0008_rollup")
former = import_module("runs.migrations.0011_rollup_skips_empty")

# Whole days of UTC, which has no daylight saving time.
DAY_START = "date_bin('1 day', event_at, '2001-01-01T00:00:00Z')"
DATE = "(day_start AT TIME ZONE 'UTC')::date"
# Their sum is a numeric, which cannot overflow.
SUMS = rollup.SUMS.replace("sum(sign * rows_processed::numeric),", "sum(sign * rows_processed),")
TOTALS = ", ".join(f"sum({name}) AS {name}" for name in rollup.COUNTS.split(", "))

PER_DAY = f"""
    per_pipeline AS (
        SELECT {DAY_START} AS day_start, pipeline_id, {SUMS}
        FROM changes
        GROUP BY 1, 2
    ),
    per_day AS MATERIALIZED (
        SELECT {DATE} AS day, p.client_id, p.platform, p.environment, p.is_active AS pipeline_is_active, {TOTALS}
        FROM per_pipeline AS c
        JOIN public.pipelines AS p ON p.id = c.pipeline_id
        GROUP BY 1, 2, 3, 4, 5
    ),
"""
DURATIONS = f"""
    INSERT INTO rollup.duration_minutes
    SELECT {DATE}, minutes, runs
    FROM (
        SELECT {DAY_START} AS day_start, duration_seconds / 60 AS minutes, sum(sign) AS runs
        FROM changes
        WHERE duration_seconds IS NOT NULL
        GROUP BY 1, 2
        HAVING sum(sign) <> 0
    ) AS per_minute;
"""
_REST = rollup.APPEND.partition("    appended_days AS")[2]
APPEND = PER_DAY + "    appended_days AS" + _REST.partition("    INSERT INTO rollup.duration_minutes")[0] + DURATIONS

CHANGES = {
    "count_added": (rollup.ADDED, "added"),
    "count_removed": (rollup.REMOVED, "removed"),
    "count_changed": (f"{rollup.ADDED} UNION ALL {rollup.REMOVED}", "added"),
}


def replaced(name: str) -> str:
    text: str = former.replaced(name, *CHANGES[name])
    return text.replace(rollup.APPEND, APPEND).replace(" AS $function$", " SET enable_sort = off AS $function$", 1)


class Migration(migrations.Migration):
    dependencies = [("runs", "0013_rollup_totals")]

    operations = [
        migrations.RunSQL(
            [replaced(name) for name in CHANGES],
            [former.replaced(name, *changes) for name, changes in CHANGES.items()],
        ),
    ]
