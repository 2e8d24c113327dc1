-- Question   Q1: How does the mix of statuses change from week to week?
-- Grain      one row per ISO week and status that occurred, oldest first; the current week is the last
-- Inventory  all
-- Panel      Q1-Q5 Business Monitoring: stacked bar chart
-- Parameters weeks = 12
-- Columns
--   week_start  date     Monday of the week, UTC
--   status      text     running, success, failed, canceled, skipped
--   runs        integer  Runs that happened in this week
WITH bounds AS (
    SELECT
        -- 2001-01-01 was a Monday, so weeks begin on Mondays.
        date_bin('7 days', %(as_of)s, '2001-01-01T00:00:00Z') - (%(weeks)s - 1) * interval '7 days' AS since,
        %(as_of)s::timestamptz AS until
),
{counted_by_day},
daily AS (
    SELECT
        day, sum(running) AS running, sum(success) AS success, sum(failed) AS failed, sum(canceled) AS canceled,
        sum(skipped) AS skipped
    FROM counted_by_day
    GROUP BY day
),
weekly AS (
    SELECT
        day - (extract(isodow FROM day)::integer - 1) AS week, sum(running) AS running, sum(success) AS success,
        sum(failed) AS failed, sum(canceled) AS canceled, sum(skipped) AS skipped
    FROM daily
    GROUP BY week
)
SELECT w.week AS week_start, s.status, s.runs::bigint AS runs
FROM weekly AS w
CROSS JOIN LATERAL (
    VALUES
        ('running', w.running), ('success', w.success), ('failed', w.failed), ('canceled', w.canceled),
        ('skipped', w.skipped)
) AS s(status, runs)
WHERE s.runs > 0
ORDER BY week_start, s.status
