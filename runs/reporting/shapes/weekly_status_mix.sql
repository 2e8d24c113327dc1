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
    (w.week AT TIME ZONE 'UTC')::date AS week_start,
    counted.status,
    counted.runs
FROM generate_series(0, %(weeks)s - 1) AS ago
CROSS JOIN LATERAL (
    SELECT date_bin('7 days', %(as_of)s, '2001-01-01T00:00:00Z') - ago * interval '7 days' AS week
) AS w
-- Week by week: grouped by week and status at once, the database would sort all runs of the window.
CROSS JOIN LATERAL (
    SELECT r.status, count(*) AS runs
    FROM reporting.runs AS r
    WHERE r.event_at >= w.week AND r.event_at < least(w.week + interval '7 days', %(as_of)s)
        AND {run_in_scope}
    GROUP BY r.status
) AS counted
ORDER BY week_start, counted.status
