"""Add a level of the roll-up: failed runs by pipeline and month.

The report of flaky pipelines over a year adds up these counts instead of reading every failure.
"""

from importlib import import_module

from django.db import migrations

rollup = import_module("runs.migrations.0008_rollup")
totals = import_module("runs.migrations.0013_rollup_totals")
former = import_module("runs.migrations.0014_rollup_adds_less")

MONTH = "date_trunc('month', {time} AT TIME ZONE 'UTC')::date"
COUNT_STORED_RUNS = f"""
    INSERT INTO rollup.failed_months
    SELECT {MONTH.format(time="event_at")}, pipeline_id, count(*)
    FROM public.runs
    WHERE status = 'failed'
    GROUP BY 1, 2
    ORDER BY 1;
"""
# A statement that writes runs could have called the former function, but not have counted yet. The lock waits for such
# statements, and later ones call the new function.
TABLE = f"""
LOCK TABLE runs IN SHARE ROW EXCLUSIVE MODE;
CREATE TABLE rollup.failed_months (month date NOT NULL, pipeline_id uuid NOT NULL, failed integer NOT NULL);
COMMENT ON TABLE rollup.failed_months IS 'Parts of counts of failed runs by the UTC month of event_at and pipeline';
-- For reports over a year.
CREATE INDEX rollup_failed_months_by_month ON rollup.failed_months (month) INCLUDE (pipeline_id, failed);
-- For the question whether a pipeline ever failed.
CREATE INDEX rollup_failed_months_by_pipeline ON rollup.failed_months (pipeline_id);
{COUNT_STORED_RUNS}
"""

APPENDED = f"""    appended_failed_months AS (
        INSERT INTO rollup.failed_months
        SELECT {MONTH.format(time="day_start")}, pipeline_id, sum(failed)
        FROM per_pipeline
        WHERE failed <> 0
        GROUP BY 1, 2
        HAVING sum(failed) <> 0
    ),
"""


def trigger_function(name: str) -> str:
    text: str = former.replaced(name)
    return text.replace("    appended_days AS", f"{APPENDED}    appended_days AS")


END = "END\n$function$;"
COMPACT = totals.COMPACT.replace(
    END, rollup.compaction("failed_months", "month, pipeline_id", "failed").lstrip("\n") + END
)
REBUILD = totals.REBUILD.replace(END, f"    DELETE FROM rollup.failed_months;{COUNT_STORED_RUNS}{END}")
FORMER_TABLES = f"{totals.FORMER_TABLES}, rollup.kind_days, rollup.client_days"


class Migration(migrations.Migration):
    dependencies = [("runs", "0017_clear_comments")]

    operations = [
        migrations.RunSQL(
            [
                TABLE,
                *(trigger_function(name) for name in former.CHANGES),
                COMPACT,
                REBUILD,
                totals.forget_all(f"{FORMER_TABLES}, rollup.failed_months"),
            ],
            [
                totals.forget_all(FORMER_TABLES),
                totals.REBUILD,
                totals.COMPACT,
                *(former.replaced(name) for name in former.CHANGES),
                "DROP TABLE rollup.failed_months",
            ],
        ),
    ]
