-- Question   Q8: How reliable is each environment?
-- Grain      one row per environment with runs, worst first
-- Inventory  all
-- Panel      Q6-Q10 Operations & Governance: bar chart
-- Parameters
-- Columns
--   environment       text     dev, staging, prod
--   failed_30d        integer  Failed runs in the 30 days before as_of
--   runs_30d          integer  All runs in them
--   failure_rate_30d  numeric  Failed ÷ all runs, to 4 places
WITH counted AS (
    SELECT pipeline_id, count(*) FILTER (WHERE status = 'failed') AS failed, count(*) AS runs
    FROM reporting.runs
    WHERE event_at >= %(as_of)s::timestamptz - interval '30 days' AND event_at < %(as_of)s
    GROUP BY pipeline_id
)
SELECT
    p.environment,
    sum(c.failed)::bigint AS failed_30d,
    sum(c.runs)::bigint AS runs_30d,
    round(sum(c.failed) / sum(c.runs), 4) AS failure_rate_30d
FROM counted AS c
JOIN reporting.pipelines AS p USING (pipeline_id)
WHERE {in_scope}
GROUP BY p.environment
ORDER BY sum(c.failed) / sum(c.runs) DESC, failed_30d DESC, p.environment
