"""The schema `rollup`: counts of runs by day and month, exact at every commit, for reports over long windows.

Every table holds parts: rows with the same key are added up by whoever reads them. A trigger on `runs` appends a part
for what a statement added and removed, so that no writer waits for another; `rollup.compact` merges parts. A pipeline
that moves to another client, platform or environment, or is disabled, takes its counts along. The text is frozen here:
a change of a function is a new migration.
"""

from django.db import migrations

COUNTS = "running, success, failed, canceled, skipped, rows_known, rows_total, rows_squares"
# What a change of one run adds to its day; `sign` is 1 for a row that was added and -1 for one that was removed.
SUMS = """
    coalesce(sum(sign) FILTER (WHERE status = 'running'), 0) AS running,
    coalesce(sum(sign) FILTER (WHERE status = 'success'), 0) AS success,
    coalesce(sum(sign) FILTER (WHERE status = 'failed'), 0) AS failed,
    coalesce(sum(sign) FILTER (WHERE status = 'canceled'), 0) AS canceled,
    coalesce(sum(sign) FILTER (WHERE status = 'skipped'), 0) AS skipped,
    coalesce(sum(sign) FILTER (WHERE rows_processed IS NOT NULL), 0) AS rows_known,
    coalesce(sum(sign * rows_processed::numeric), 0) AS rows_total,
    coalesce(sum(sign * rows_processed::numeric * rows_processed), 0) AS rows_squares"""
DAY = "(event_at AT TIME ZONE 'UTC')::date"
NOT_EMPTY = f"({COUNTS}) <> (0, 0, 0, 0, 0, 0, 0, 0)"

TABLES = """
CREATE SCHEMA rollup;
COMMENT ON SCHEMA rollup IS
    'Counts of runs, kept by triggers on runs; manage.py rollup verifies and rebuilds them. Read schema reporting.';

CREATE TABLE rollup.days (
    day date NOT NULL, client_id uuid NOT NULL, platform varchar(20) NOT NULL, environment varchar(20) NOT NULL,
    pipeline_is_active boolean NOT NULL,
    running integer NOT NULL, success integer NOT NULL, failed integer NOT NULL, canceled integer NOT NULL,
    skipped integer NOT NULL, rows_known integer NOT NULL, rows_total numeric NOT NULL, rows_squares numeric NOT NULL
);
COMMENT ON TABLE rollup.days IS 'Parts of counts of runs by the UTC day of event_at and the scope of their pipeline';
CREATE TABLE rollup.months (LIKE rollup.days);
ALTER TABLE rollup.months RENAME day TO month;
COMMENT ON TABLE rollup.months IS 'As days, by the first day of the month';
CREATE TABLE rollup.failed_hours (hour timestamptz NOT NULL, failed integer NOT NULL);
COMMENT ON TABLE rollup.failed_hours IS 'Parts of counts of failed runs by the hour of event_at';
CREATE TABLE rollup.duration_minutes (day date NOT NULL, minutes integer NOT NULL, runs integer NOT NULL);
COMMENT ON TABLE rollup.duration_minutes IS
    'Parts of counts of runs with a duration, by the UTC day of event_at and whole minutes';

-- Reports read ranges of time.
CREATE INDEX rollup_days_by_day ON rollup.days (day);
CREATE INDEX rollup_months_by_month ON rollup.months (month);
CREATE INDEX rollup_failed_hours_by_hour ON rollup.failed_hours (hour);
CREATE INDEX rollup_duration_minutes_by_day ON rollup.duration_minutes (day);
"""

# One statement appends to all four tables. `changes` has sign, pipeline_id, event_at, status, duration_seconds,
# rows_processed; `scopes` the pipelines as they are now.
APPEND = f"""
    per_day AS MATERIALIZED (
        SELECT {DAY} AS day, p.client_id, p.platform, p.environment, p.is_active AS pipeline_is_active, {SUMS}
        FROM changes AS c
        JOIN public.pipelines AS p ON p.id = c.pipeline_id
        GROUP BY 1, 2, 3, 4, 5
    ),
    appended_days AS (INSERT INTO rollup.days SELECT * FROM per_day WHERE {NOT_EMPTY}),
    appended_months AS (
        INSERT INTO rollup.months
        SELECT * FROM (
            SELECT
                date_trunc('month', day)::date, client_id, platform, environment, pipeline_is_active,
                sum(running) AS running, sum(success) AS success, sum(failed) AS failed, sum(canceled) AS canceled,
                sum(skipped) AS skipped, sum(rows_known) AS rows_known, sum(rows_total) AS rows_total,
                sum(rows_squares) AS rows_squares
            FROM per_day
            GROUP BY 1, 2, 3, 4, 5
        ) AS per_month
        WHERE {NOT_EMPTY}
    ),
    appended_hours AS (
        INSERT INTO rollup.failed_hours
        SELECT date_bin('1 hour', event_at, '2001-01-01T00:00:00Z'), sum(sign)
        FROM changes
        WHERE status = 'failed'
        GROUP BY 1
        HAVING sum(sign) <> 0
    )
    INSERT INTO rollup.duration_minutes
    SELECT {DAY}, duration_seconds / 60, sum(sign)
    FROM changes
    WHERE duration_seconds IS NOT NULL
    GROUP BY 1, 2
    HAVING sum(sign) <> 0;
"""
RUN_COLUMNS = "pipeline_id, event_at, status, duration_seconds, rows_processed"
ADDED = f"SELECT 1 AS sign, {RUN_COLUMNS} FROM added"
REMOVED = f"SELECT -1 AS sign, {RUN_COLUMNS} FROM removed"


def trigger_function(name: str, changes: str) -> str:
    """Return a trigger's function that appends what a statement changed.

    It holds the shared lock to the end of the transaction: a pipeline that moves waits until the counts of all runs
    written under its former scope are committed.
    """
    return f"""
CREATE FUNCTION rollup.{name}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(4409422, 3);
    WITH changes AS MATERIALIZED ({changes}),
    {APPEND}
    RETURN NULL;
END
$function$;
"""


TRIGGERS = f"""
{trigger_function("count_added", ADDED)}
{trigger_function("count_removed", REMOVED)}
{trigger_function("count_changed", f"{ADDED} UNION ALL {REMOVED}")}

CREATE TRIGGER rollup_added AFTER INSERT ON runs
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION rollup.count_added();
CREATE TRIGGER rollup_removed AFTER DELETE ON runs
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION rollup.count_removed();
CREATE TRIGGER rollup_changed AFTER UPDATE ON runs
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION rollup.count_changed();

CREATE FUNCTION rollup.forget_all() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    TRUNCATE rollup.days, rollup.months, rollup.failed_hours, rollup.duration_minutes;
    RETURN NULL;
END
$function$;
CREATE TRIGGER rollup_truncated AFTER TRUNCATE ON runs
    FOR EACH STATEMENT EXECUTE FUNCTION rollup.forget_all();

CREATE FUNCTION rollup.wait_for_writers() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock(4409422, 3);
    RETURN NULL;
END
$function$;
-- Before the statement, and so before it locks a row.
CREATE TRIGGER rollup_moving BEFORE UPDATE OF client_id, platform, environment, is_active ON pipelines
    FOR EACH STATEMENT EXECUTE FUNCTION rollup.wait_for_writers();

CREATE FUNCTION rollup.move() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    WITH totals AS MATERIALIZED (
        SELECT {DAY} AS day, {SUMS}
        FROM (SELECT 1 AS sign, {RUN_COLUMNS} FROM public.runs WHERE pipeline_id = NEW.id) AS changes
        GROUP BY 1
    ),
    moved AS MATERIALIZED (
        SELECT
            day, client_id, platform, environment, pipeline_is_active, sign * running AS running,
            sign * success AS success, sign * failed AS failed, sign * canceled AS canceled,
            sign * skipped AS skipped, sign * rows_known AS rows_known, sign * rows_total AS rows_total,
            sign * rows_squares AS rows_squares
        FROM totals
        CROSS JOIN (VALUES
            (-1, OLD.client_id, OLD.platform, OLD.environment, OLD.is_active),
            (1, NEW.client_id, NEW.platform, NEW.environment, NEW.is_active)
        ) AS scope(sign, client_id, platform, environment, pipeline_is_active)
    ),
    moved_days AS (INSERT INTO rollup.days SELECT * FROM moved)
    INSERT INTO rollup.months
    SELECT
        date_trunc('month', day)::date, client_id, platform, environment, pipeline_is_active, sum(running),
        sum(success), sum(failed), sum(canceled), sum(skipped), sum(rows_known), sum(rows_total), sum(rows_squares)
    FROM moved
    GROUP BY 1, 2, 3, 4, 5;
    RETURN NULL;
END
$function$;
CREATE TRIGGER rollup_moved AFTER UPDATE OF client_id, platform, environment, is_active ON pipelines
    FOR EACH ROW
    WHEN ((OLD.client_id, OLD.platform, OLD.environment, OLD.is_active)
        IS DISTINCT FROM (NEW.client_id, NEW.platform, NEW.environment, NEW.is_active))
    EXECUTE FUNCTION rollup.move();
"""


def compaction(table: str, keys: str, sums: str) -> str:
    """Return a statement that merges the parts of each key; parts that others append meanwhile are left alone."""
    totals = ", ".join(f"sum({name}) AS {name}" for name in sums.split(", "))
    zeros = ", ".join("0" for _ in sums.split(", "))
    return f"""
    WITH places AS (
        SELECT ctid AS place, count(*) OVER (PARTITION BY {keys}) AS parts FROM rollup.{table}
    ),
    parts AS (
        DELETE FROM rollup.{table} AS t USING places WHERE t.ctid = places.place AND places.parts > 1 RETURNING t.*
    ),
    merged AS (SELECT {keys}, {totals} FROM parts GROUP BY {keys})
    INSERT INTO rollup.{table} SELECT {keys}, {sums} FROM merged WHERE ({sums}) <> ({zeros});
    """


SCOPE = "client_id, platform, environment, pipeline_is_active"
MAINTENANCE = f"""
CREATE FUNCTION rollup.compact() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    {compaction("days", f"day, {SCOPE}", COUNTS)}
    {compaction("months", f"month, {SCOPE}", COUNTS)}
    {compaction("failed_hours", "hour", "failed")}
    {compaction("duration_minutes", "day, minutes", "runs")}
END
$function$;

CREATE FUNCTION rollup.rebuild() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock(4409422, 3);
    DELETE FROM rollup.days;
    DELETE FROM rollup.months;
    DELETE FROM rollup.failed_hours;
    DELETE FROM rollup.duration_minutes;
    WITH changes AS (SELECT 1 AS sign, {RUN_COLUMNS} FROM public.runs),
    {APPEND}
END
$function$;

REVOKE ALL ON FUNCTION rollup.compact(), rollup.rebuild() FROM PUBLIC;
"""

FORGET = """
DROP TRIGGER rollup_moved ON pipelines;
DROP TRIGGER rollup_moving ON pipelines;
DROP TRIGGER rollup_truncated ON runs;
DROP TRIGGER rollup_changed ON runs;
DROP TRIGGER rollup_removed ON runs;
DROP TRIGGER rollup_added ON runs;
DROP SCHEMA rollup CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("inventory", "0003_source_links"), ("runs", "0007_error_texts")]

    operations = [
        migrations.RunSQL([TABLES, TRIGGERS, MAINTENANCE, "SELECT rollup.rebuild()"], FORGET),
    ]
