-- Question   Q2: Which clients are at risk this week?
-- Grain      one row per client, including clients without runs; highest failure rate first
-- Inventory  active
-- Panel      Q1-Q5 Business Monitoring: bar chart
-- View       client_health
-- Parameters
-- Columns
--   client_name      text     Name of the client
--   failed_7d        integer  Failed runs in the 7 days before `as_of`
--   runs_7d          integer  All runs in these 7 days
--   failure_rate_7d  numeric? Failed ÷ all runs, to 4 places; null without runs
--   client_id        uuid     Key of the client
WITH bounds AS (
    SELECT %(as_of)s::timestamptz - interval '7 days' AS since, %(as_of)s::timestamptz AS until
),
{counted_by_client},
clients AS (
    SELECT DISTINCT p.client_id, p.client_name
    FROM reporting.pipelines AS p
    WHERE p.is_active AND {in_scope}
),
by_client AS (
    SELECT client_id, sum(failed) AS failed, sum(runs) AS runs
    FROM counted_by_client
    WHERE is_active
    GROUP BY client_id
)
SELECT
    clients.client_name,
    coalesce(c.failed, 0)::bigint AS failed_7d,
    coalesce(c.runs, 0)::bigint AS runs_7d,
    round(c.failed::numeric / nullif(c.runs, 0), 4) AS failure_rate_7d,
    clients.client_id
FROM clients
LEFT JOIN by_client AS c USING (client_id)
ORDER BY c.failed::numeric / nullif(c.runs, 0) DESC NULLS LAST, failed_7d DESC, clients.client_name
