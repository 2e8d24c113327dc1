-- Question   Q1: How does the mix of statuses change from week to week?
-- Grain      one row per ISO week and status that occurred, oldest first; the current week is the last
-- Inventory  all
-- Panel      Q1-Q5 Business Monitoring: stacked bar chart
-- Parameters weeks = 12
-- Columns
--   week_start  date     Monday of the week, UTC
--   status      text     running, success, failed, canceled, skipped
--   runs        integer  Runs that happened in it
SELECT
    (date_bin('7 days', r.event_at, '2001-01-01T00:00:00Z') AT TIME ZONE 'UTC')::date AS week_start,
    r.status,
    count(*) AS runs
FROM reporting.runs AS r
WHERE r.event_at >= date_bin('7 days', %(as_of)s, '2001-01-01T00:00:00Z') - (%(weeks)s - 1) * interval '7 days'
    AND r.event_at < %(as_of)s
    AND {run_in_scope}
GROUP BY week_start, r.status
ORDER BY week_start, r.status
