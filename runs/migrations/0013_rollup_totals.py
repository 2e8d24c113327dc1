"""Two coarser levels of the roll-up, for reports over a year: by kind and by client.

`rollup.compact` adds each part of `days` to them once and sets `in_totals` in the same statement. So the triggers write
no more than before, and a level plus the parts that are not in it yet is exact at every commit, also after a move: its
parts are parts of `days`.
"""

from importlib import import_module

from django.db import migrations

rollup = import_module("runs.migrations.0008_rollup")
in_order = import_module("runs.migrations.0010_rollup_in_order")

COUNTS, SCOPE = rollup.COUNTS, rollup.SCOPE
STATUSES = "running, success, failed, canceled, skipped"
KIND, CLIENT = "day, platform, environment", "day, client_id, pipeline_is_active"

TABLES = """
ALTER TABLE rollup.days ADD COLUMN in_totals boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN rollup.days.in_totals IS 'Whether kind_days and client_days contain this part';

CREATE TABLE rollup.kind_days (
    day date NOT NULL, platform varchar(20) NOT NULL, environment varchar(20) NOT NULL,
    running integer NOT NULL, success integer NOT NULL, failed integer NOT NULL, canceled integer NOT NULL,
    skipped integer NOT NULL
);
COMMENT ON TABLE rollup.kind_days IS 'Sums of the parts of days with in_totals, by platform and environment';
CREATE TABLE rollup.client_days (
    day date NOT NULL, client_id uuid NOT NULL, pipeline_is_active boolean NOT NULL,
    running integer NOT NULL, success integer NOT NULL, failed integer NOT NULL, canceled integer NOT NULL,
    skipped integer NOT NULL, rows_known integer NOT NULL, rows_total numeric NOT NULL, rows_squares numeric NOT NULL
);
COMMENT ON TABLE rollup.client_days IS 'Sums of the parts of days with in_totals, by client and whether it is active';

CREATE INDEX rollup_kind_days_by_day ON rollup.kind_days (day);
CREATE INDEX rollup_client_days_by_day ON rollup.client_days (day, client_id);

-- Triggers write only to the first index, which stays small.
DROP INDEX rollup.rollup_days_by_day;
CREATE INDEX rollup_days_not_in_totals ON rollup.days (day) WHERE NOT in_totals;
CREATE INDEX rollup_days_by_day ON rollup.days (day) WHERE in_totals;
-- Reports of one client over a year.
CREATE INDEX rollup_days_by_client ON rollup.days (client_id, day) WHERE in_totals;
"""


def level(table: str, keys: str, sums: str, parts: str) -> str:
    """Return CTEs that add `parts` to a level; its rows with the same keys are replaced."""
    totals = ", ".join(f"sum({name}) AS {name}" for name in sums.split(", "))
    zeros = ", ".join("0" for _ in sums.split(", "))
    return f"""
    former_{table} AS (
        DELETE FROM rollup.{table}
        WHERE ({keys}) IN (SELECT {keys} FROM {parts})
        RETURNING {keys}, {sums}
    ),
    added_{table} AS (
        INSERT INTO rollup.{table} ({keys}, {sums})
        SELECT {keys}, {sums}
        FROM (
            SELECT {keys}, {totals}
            FROM (SELECT {keys}, {sums} FROM {parts} UNION ALL SELECT {keys}, {sums} FROM former_{table}) AS parts
            GROUP BY {keys}
        ) AS summed
        WHERE ({sums}) <> ({zeros})
        ORDER BY day
    )"""


# The lock separates compactions from each other and from a rebuild, which would miss the rows that they merge.
LOCK_COMPACTION = "PERFORM pg_advisory_xact_lock(4409422, 4);"
COMPACT = f"""
CREATE OR REPLACE FUNCTION rollup.compact() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    {LOCK_COMPACTION}
    WITH appended AS (DELETE FROM rollup.days WHERE NOT in_totals RETURNING *),
    {level("kind_days", KIND, STATUSES, "appended")},
    {level("client_days", CLIENT, COUNTS, "appended")},
    former AS (
        DELETE FROM rollup.days
        WHERE in_totals AND (day, {SCOPE}) IN (SELECT day, {SCOPE} FROM appended)
        RETURNING *
    ),
    merged AS (
        SELECT day, {SCOPE}, {", ".join(f"sum({name}) AS {name}" for name in COUNTS.split(", "))}
        FROM (SELECT * FROM appended UNION ALL SELECT * FROM former) AS parts
        GROUP BY day, {SCOPE}
    )
    INSERT INTO rollup.days (day, {SCOPE}, {COUNTS}, in_totals)
    SELECT day, {SCOPE}, {COUNTS}, true FROM merged WHERE {rollup.NOT_EMPTY} ORDER BY day;
    {rollup.compaction("months", f"month, {SCOPE}", COUNTS)}
    {rollup.compaction("failed_hours", "hour", "failed")}
    {rollup.compaction("duration_minutes", "day, minutes", "runs")}
END
$function$;
"""

APPENDED_DAYS = f"appended_days AS (INSERT INTO rollup.days SELECT * FROM per_day WHERE {rollup.NOT_EMPTY} ORDER BY 1),"
COUNTED = in_order.IN_ORDER.replace(
    APPENDED_DAYS,
    f"""appended_days AS (
        INSERT INTO rollup.days SELECT *, true FROM per_day WHERE {rollup.NOT_EMPTY} ORDER BY 1
    ),
    appended_kind_days AS (
        INSERT INTO rollup.kind_days
        SELECT {KIND}, {", ".join(f"sum({name})" for name in STATUSES.split(", "))}
        FROM per_day
        GROUP BY {KIND}
        ORDER BY 1
    ),
    appended_client_days AS (
        INSERT INTO rollup.client_days
        SELECT {CLIENT}, {", ".join(f"sum({name})" for name in COUNTS.split(", "))}
        FROM per_day
        GROUP BY {CLIENT}
        ORDER BY 1
    ),""",
)
REBUILD = f"""
CREATE OR REPLACE FUNCTION rollup.rebuild() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock(4409422, 3);
    {LOCK_COMPACTION}
    DELETE FROM rollup.days;
    DELETE FROM rollup.kind_days;
    DELETE FROM rollup.client_days;
    DELETE FROM rollup.months;
    DELETE FROM rollup.failed_hours;
    DELETE FROM rollup.duration_minutes;
    WITH changes AS (SELECT 1 AS sign, {rollup.RUN_COLUMNS} FROM public.runs),
    {COUNTED}
END
$function$;
"""


def forget_all(tables: str) -> str:
    return f"""
CREATE OR REPLACE FUNCTION rollup.forget_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    TRUNCATE {tables};
    RETURN NULL;
END
$function$;
"""


FORMER_TABLES = "rollup.days, rollup.months, rollup.failed_hours, rollup.duration_minutes"
FORMER_COMPACT = (rollup.MAINTENANCE[: rollup.MAINTENANCE.index("CREATE FUNCTION rollup.rebuild")]).replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)
FORMER_TABLE = """
DROP TABLE rollup.kind_days, rollup.client_days;
ALTER TABLE rollup.days DROP COLUMN in_totals;  -- and the indexes that name it
CREATE INDEX rollup_days_by_day ON rollup.days (day);
"""


class Migration(migrations.Migration):
    dependencies = [("runs", "0012_rollup_by_client")]

    operations = [
        migrations.RunSQL(
            [
                TABLES,
                COMPACT,
                REBUILD,
                forget_all(f"{FORMER_TABLES}, rollup.kind_days, rollup.client_days"),
                "SELECT rollup.compact()",
            ],
            [forget_all(FORMER_TABLES), in_order.rebuild(in_order.IN_ORDER), FORMER_COMPACT, FORMER_TABLE],
        ),
    ]
