-- Counts of runs by the UTC day of event_at and client. A day and client can have several rows. Add up their counts.
--   day           UTC day of event_at
--   client_id     Key of the client
--   client_name   Name of the client
--   is_active     Whether the pipelines are in the active inventory: pipeline and client are both active
--   running       Number of runs that have not ended
--   success       Number of runs that succeeded
--   failed        Number of runs that failed
--   canceled      Number of runs that were canceled
--   skipped       Number of runs that were skipped
--   rows_known    Number of runs with a known number of rows
--   rows_total    Sum of the rows of these runs
--   rows_squares  Sum of the squares of these numbers of rows, for the standard deviation
SELECT
    d.day, d.client_id, c.client_name, d.pipeline_is_active AND c.client_is_active AS is_active, d.running, d.success,
    d.failed, d.canceled, d.skipped, d.rows_known, d.rows_total, d.rows_squares
-- Rows of rollup.days with in_totals are already contained in rollup.client_days.
FROM (
    SELECT
        day, client_id, pipeline_is_active, running, success, failed, canceled, skipped, rows_known, rows_total,
        rows_squares
    FROM rollup.client_days
    UNION ALL
    SELECT
        day, client_id, pipeline_is_active, running, success, failed, canceled, skipped, rows_known, rows_total,
        rows_squares
    FROM rollup.days
    WHERE NOT in_totals
) AS d
JOIN reporting.clients AS c USING (client_id)
