-- Question    How many runs of each status did a client have in a window, and which was the latest of each pipeline?
-- Grain       one row per pipeline with a run in the window, including disabled ones
-- Columns     pipeline_id, pipeline_name, platform, latest_status, latest_run_at, and one count per status. The counts
--             are those of the whole client, so they are the same in each row
-- Parameters  client_id; since (inclusive) and until (exclusive): compared with started_at, or with event_at if
--             a run has no start
--
-- This query is for windows of at most a year; client_summary_of_years.sql is for longer ones. It reads the whole days
-- of the window from the roll-up, and the rest of the window from the runs. A run belongs to the window by started_at,
-- but to a day of the roll-up by event_at. So runs whose two days differ are added or subtracted. The indexes
-- runs_other_day and runs_other_day_by_start contain only these runs, which are few. runs_other_day also contains the
-- runs without a start.
--
-- `whole_days_range` is the range of whole days of the window, from `begins` (inclusive) until `ends` (exclusive). If the
-- window has no whole day, both are the start of the window.
WITH whole_days_range AS MATERIALIZED (
    SELECT
        CASE WHEN first_midnight < last_midnight THEN first_midnight ELSE %(since)s END AS begins,
        CASE WHEN first_midnight < last_midnight THEN last_midnight ELSE %(since)s END AS ends
    FROM (
        SELECT
            date_bin('1 day', %(since)s + interval '24 hours' - interval '1 microsecond', '2001-01-01T00:00:00Z')
                AS first_midnight,
            date_bin('1 day', %(until)s, '2001-01-01T00:00:00Z') AS last_midnight
    ) AS midnights
),
counted_days AS MATERIALIZED (
    SELECT
        coalesce(sum(running), 0) AS running,
        coalesce(sum(success), 0) AS success,
        coalesce(sum(failed), 0) AS failed,
        coalesce(sum(canceled), 0) AS canceled,
        coalesce(sum(skipped), 0) AS skipped
    FROM (
        SELECT array_agg((midnight AT TIME ZONE 'UTC')::date) AS days
        FROM whole_days_range
        CROSS JOIN generate_series(begins, ends - interval '1 hour', interval '24 hours') AS midnight
    ) AS whole
    CROSS JOIN LATERAL (
        SELECT running, success, failed, canceled, skipped
        FROM rollup.client_days
        WHERE day = ANY (days) AND client_id = %(client_id)s
        UNION ALL
        SELECT running, success, failed, canceled, skipped
        FROM rollup.days
        WHERE NOT in_totals AND day = ANY (days) AND client_id = %(client_id)s
    ) AS d
),
-- What to add to counted_days: plus 1 for each run of the window that is not counted there, minus 1 for each run that
-- is counted there but is outside of the window.
corrections AS MATERIALIZED (
    SELECT
        coalesce(sum(sign) FILTER (WHERE status = 'running'), 0) AS running,
        coalesce(sum(sign) FILTER (WHERE status = 'success'), 0) AS success,
        coalesce(sum(sign) FILTER (WHERE status = 'failed'), 0) AS failed,
        coalesce(sum(sign) FILTER (WHERE status = 'canceled'), 0) AS canceled,
        coalesce(sum(sign) FILTER (WHERE status = 'skipped'), 0) AS skipped
    FROM whole_days_range AS w
    CROSS JOIN pipelines AS p
    CROSS JOIN LATERAL (
        -- Started in the window, before its whole days.
        SELECT status, 1 AS sign
        FROM runs
        WHERE w.begins > %(since)s
            AND pipeline_id = p.id
            AND coalesce(started_at, '-infinity') >= %(since)s
            AND coalesce(started_at, '-infinity') < w.begins
        UNION ALL
        -- Started in the window, after its whole days.
        SELECT status, 1
        FROM runs
        WHERE pipeline_id = p.id
            AND coalesce(started_at, '-infinity') >= w.ends
            AND coalesce(started_at, '-infinity') < %(until)s
        UNION ALL
        -- Started on one of the whole days, but counted on another day.
        SELECT status, 1
        FROM runs
        WHERE w.ends > w.begins
            AND {other_day}
            AND pipeline_id = p.id
            AND started_at >= w.begins AND started_at < w.ends
            AND NOT (event_at >= w.begins AND event_at < w.ends)
        UNION ALL
        -- Subtract runs that are counted on one of the whole days, but started on another day. Add runs without a start
        -- that are not counted on a whole day.
        SELECT status, CASE WHEN started_at IS NULL THEN 1 ELSE -1 END
        FROM runs
        WHERE (started_at IS NULL OR {other_day})
            AND pipeline_id = p.id
            AND event_at >= %(since)s AND event_at < %(until)s
            AND (event_at >= w.begins AND event_at < w.ends) = (started_at IS NOT NULL)
            AND (started_at >= w.begins AND started_at < w.ends) IS NOT TRUE
    ) AS r
    WHERE p.client_id = %(client_id)s
)
SELECT
    p.id AS pipeline_id,
    p.name AS pipeline_name,
    p.platform,
    coalesce(started.status, unstarted.status) AS latest_status,
    started.started_at AS latest_run_at,
    d.running + c.running AS running,
    d.success + c.success AS success,
    d.failed + c.failed AS failed,
    d.canceled + c.canceled AS canceled,
    d.skipped + c.skipped AS skipped
FROM pipelines AS p
CROSS JOIN counted_days AS d
CROSS JOIN corrections AS c
{latest_in_window}
WHERE p.client_id = %(client_id)s AND coalesce(started.status, unstarted.status) IS NOT NULL
ORDER BY p.name, p.id
