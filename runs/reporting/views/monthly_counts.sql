-- Runs counted by the UTC month of event_at and the scope of their pipeline. Add up the rows of one key: a month of a scope
-- can have several.
--   month         First day of the UTC month of event_at
--   client_id     Key of the client
--   client_name   Name of the client
--   platform      Kind of orchestrator
--   environment   Where the pipelines run
--   is_active     Active inventory: the pipelines and the client are active
--   running       Runs that have not ended
--   success       Runs that succeeded
--   failed        Runs that failed
--   canceled      Runs that were canceled
--   skipped       Runs that were skipped
--   rows_known    Runs that say how many rows they handled
--   rows_total    Rows that these handled
--   rows_squares  Sum of the squares of these numbers, for the deviation
SELECT
    d.month, d.client_id, c.client_name, d.platform, d.environment,
    d.pipeline_is_active AND c.client_is_active AS is_active, d.running, d.success, d.failed, d.canceled, d.skipped,
    d.rows_known, d.rows_total, d.rows_squares
FROM rollup.months AS d
JOIN reporting.clients AS c USING (client_id)
