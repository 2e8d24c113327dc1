-- Question   Q2: Which clients are at risk this week?
-- Grain      one row per client, also without runs, worst first
-- Inventory  active
-- Panel      Q1-Q5 Business Monitoring: bar chart
-- View       client_health
-- Parameters
-- Columns
--   client_name      text     Name of the client
--   failed_7d        integer  Failed runs in the 7 days before as_of
--   runs_7d          integer  All runs in them
--   failure_rate_7d  numeric? Failed ÷ all runs, to 4 places; null without runs
--   client_id        uuid     Key of the client
WITH counted AS (
    SELECT pipeline_id, count(*) FILTER (WHERE status = 'failed') AS failed, count(*) AS runs
    FROM reporting.runs
    WHERE event_at >= %(as_of)s::timestamptz - interval '7 days' AND event_at < %(as_of)s
    GROUP BY pipeline_id
)
SELECT
    p.client_name,
    coalesce(sum(c.failed), 0)::bigint AS failed_7d,
    coalesce(sum(c.runs), 0)::bigint AS runs_7d,
    round(sum(c.failed) / sum(c.runs), 4) AS failure_rate_7d,
    p.client_id
FROM reporting.pipelines AS p
LEFT JOIN counted AS c USING (pipeline_id)
WHERE p.is_active AND {in_scope}
GROUP BY p.client_id, p.client_name
ORDER BY sum(c.failed) / sum(c.runs) DESC NULLS LAST, failed_7d DESC, p.client_name
