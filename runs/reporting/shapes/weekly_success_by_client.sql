-- Question   Q5: How reliable is each client from week to week?
-- Grain      one row per client and ISO week with runs; sorted by client, then oldest week first; the current week is the last
-- Inventory  active
-- Panel      Q1-Q5 Business Monitoring: line chart
-- Parameters weeks = 8
-- Columns
--   client_name                text     Name of the client
--   week_start                 date     Monday of the week, UTC
--   runs                       integer  Runs that happened in this week
--   success_rate               numeric  Successes ÷ all runs, to 4 places
--   change_from_previous_week  numeric? Difference from the week before, to 4 places; null: no runs in that week
--   client_id                  uuid     Key of the client
WITH bounds AS (
    -- One more week than the result has, because the first week of the result is compared with the week before.
    -- 2001-01-01 was a Monday, so weeks begin on Mondays.
    SELECT
        date_bin('7 days', %(as_of)s, '2001-01-01T00:00:00Z') - %(weeks)s * interval '7 days' AS since,
        %(as_of)s::timestamptz AS until
),
{counted_by_client},
weekly AS (
    -- 0001-01-01 was a Monday, so the remainder is the number of days since Monday.
    SELECT
        client_id, client_name, day - mod(day - date '0001-01-01', 7) AS week, sum(runs) AS runs,
        sum(success)::numeric / sum(runs) AS rate
    FROM counted_by_client
    WHERE is_active
    GROUP BY client_id, client_name, week
    HAVING sum(runs) > 0
)
SELECT
    this.client_name,
    this.week AS week_start,
    this.runs,
    round(this.rate, 4) AS success_rate,
    round(this.rate - before.rate, 4) AS change_from_previous_week,
    this.client_id
FROM weekly AS this
LEFT JOIN weekly AS before ON before.client_id = this.client_id AND before.week = this.week - 7
WHERE this.week > (SELECT (since AT TIME ZONE 'UTC')::date FROM bounds)
ORDER BY this.client_name, week_start
