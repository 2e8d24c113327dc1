-- Question   Q5: How reliable is each client from week to week?
-- Grain      one row per client and ISO week with runs, by name, oldest first; the current week is the last
-- Inventory  active
-- Panel      Q1-Q5 Business Monitoring: line chart
-- Parameters weeks = 8
-- Columns
--   client_name                text     Name of the client
--   week_start                 date     Monday of the week, UTC
--   runs                       integer  Runs that happened in it
--   success_rate               numeric  Successes ÷ all runs, to 4 places
--   change_from_previous_week  numeric? Difference to the week before, to 4 places; null where that had no runs
--   client_id                  uuid     Key of the client
WITH counted AS (
    SELECT
        date_bin('7 days', event_at, '2001-01-01T00:00:00Z') AS week, pipeline_id,
        count(*) FILTER (WHERE status = 'success') AS successes, count(*) AS runs
    FROM reporting.runs AS r
    -- One week more than is shown, for the first difference.
    WHERE event_at >= date_bin('7 days', %(as_of)s, '2001-01-01T00:00:00Z') - %(weeks)s * interval '7 days'
        AND event_at < %(as_of)s
        AND {run_in_scope}
    GROUP BY week, pipeline_id
),
weekly AS (
    SELECT p.client_id, p.client_name, c.week, sum(c.runs)::bigint AS runs, sum(c.successes) / sum(c.runs) AS rate
    FROM counted AS c
    JOIN reporting.pipelines AS p USING (pipeline_id)
    WHERE p.is_active AND {in_scope}
    GROUP BY p.client_id, p.client_name, c.week
)
SELECT
    this.client_name,
    (this.week AT TIME ZONE 'UTC')::date AS week_start,
    this.runs,
    round(this.rate, 4) AS success_rate,
    round(this.rate - before.rate, 4) AS change_from_previous_week,
    this.client_id
FROM weekly AS this
LEFT JOIN weekly AS before ON before.client_id = this.client_id AND before.week = this.week - interval '7 days'
WHERE this.week > date_bin('7 days', %(as_of)s, '2001-01-01T00:00:00Z') - %(weeks)s * interval '7 days'
ORDER BY this.client_name, week_start
