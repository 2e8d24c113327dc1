-- Columns, grain and parameters: those of client_summary.sql. This query is for windows of more than a year.
--
-- If most runs of the client are outside of the window, the query counts the runs in the window. Otherwise it counts
-- the runs outside of the window, because these are fewer. The counts of the window are then the sums of the roll-up
-- over all months, minus the counted runs.
--
-- A run belongs to a month of the roll-up by event_at, but to the window by started_at. So the sums of the window's
-- months can contain runs outside of the window. The query uses them only to estimate whether most runs are in the
-- window.
WITH client_months AS MATERIALIZED (
    SELECT month, running, success, failed, canceled, skipped
    FROM rollup.months
    WHERE client_id = %(client_id)s
),
history AS MATERIALIZED (
    SELECT
        sum(running)::bigint AS running,
        sum(success)::bigint AS success,
        sum(failed)::bigint AS failed,
        sum(canceled)::bigint AS canceled,
        sum(skipped)::bigint AS skipped,
        coalesce(
            2 * sum(running + success + failed + canceled + skipped) FILTER (
                WHERE month >= %(since)s AND month < %(until)s
            ) > sum(running + success + failed + canceled + skipped),
            false
        ) AS is_mostly_in_window
    FROM client_months
),
-- Counts of the runs in the window, or of those outside of it if is_mostly_in_window.
counted_runs AS MATERIALIZED (
    SELECT
        count(*) FILTER (WHERE r.status = 'running') AS running,
        count(*) FILTER (WHERE r.status = 'success') AS success,
        count(*) FILTER (WHERE r.status = 'failed') AS failed,
        count(*) FILTER (WHERE r.status = 'canceled') AS canceled,
        count(*) FILTER (WHERE r.status = 'skipped') AS skipped
    FROM history AS h
    CROSS JOIN pipelines AS p
    CROSS JOIN LATERAL (
        -- In the window.
        SELECT status
        FROM runs
        WHERE NOT h.is_mostly_in_window
            AND pipeline_id = p.id
            AND coalesce(started_at, '-infinity'::timestamptz) >= %(since)s
            AND coalesce(started_at, '-infinity'::timestamptz) < %(until)s
        UNION ALL
        -- Before the window.
        SELECT status
        FROM runs
        WHERE h.is_mostly_in_window
            AND pipeline_id = p.id
            AND coalesce(started_at, '-infinity'::timestamptz) > '-infinity'::timestamptz
            AND coalesce(started_at, '-infinity'::timestamptz) < %(since)s
        UNION ALL
        -- After the window.
        SELECT status
        FROM runs
        WHERE h.is_mostly_in_window
            AND pipeline_id = p.id
            AND coalesce(started_at, '-infinity'::timestamptz) >= %(until)s
        UNION ALL
        -- Without a start: those in the window, or those outside of it if is_mostly_in_window.
        SELECT status
        FROM runs
        WHERE pipeline_id = p.id
            AND coalesce(started_at, '-infinity'::timestamptz) = '-infinity'::timestamptz
            AND (event_at >= %(since)s AND event_at < %(until)s) <> h.is_mostly_in_window
    ) AS r
    WHERE p.client_id = %(client_id)s
)
SELECT
    p.id AS pipeline_id,
    p.name AS pipeline_name,
    p.platform,
    coalesce(started.status, unstarted.status) AS latest_status,
    started.started_at AS latest_run_at,
    CASE WHEN h.is_mostly_in_window THEN h.running - c.running ELSE c.running END AS running,
    CASE WHEN h.is_mostly_in_window THEN h.success - c.success ELSE c.success END AS success,
    CASE WHEN h.is_mostly_in_window THEN h.failed - c.failed ELSE c.failed END AS failed,
    CASE WHEN h.is_mostly_in_window THEN h.canceled - c.canceled ELSE c.canceled END AS canceled,
    CASE WHEN h.is_mostly_in_window THEN h.skipped - c.skipped ELSE c.skipped END AS skipped
FROM pipelines AS p
CROSS JOIN history AS h
CROSS JOIN counted_runs AS c
{latest_in_window}
WHERE p.client_id = %(client_id)s AND coalesce(started.status, unstarted.status) IS NOT NULL
ORDER BY p.name, p.id
