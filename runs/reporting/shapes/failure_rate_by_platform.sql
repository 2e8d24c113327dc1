-- Question   On which platform do runs fail most?
-- Grain      one row per platform with runs in the window, worst first
-- Inventory  all
-- Panel      Q6-Q10 Operations & Governance: bar chart
-- View       platform_health
-- Parameters since, until
-- Columns
--   platform      text     Kind of orchestrator
--   failures      integer  Failed runs
--   total_runs    integer  All runs
--   failure_rate  numeric  Failed ÷ all runs, to 4 places
WITH counted AS (
    SELECT pipeline_id, count(*) FILTER (WHERE status = 'failed') AS failures, count(*) AS total_runs
    FROM reporting.runs
    WHERE event_at >= %(since)s AND event_at < %(until)s
    GROUP BY pipeline_id
)
SELECT
    p.platform,
    sum(c.failures)::bigint AS failures,
    sum(c.total_runs)::bigint AS total_runs,
    round(sum(c.failures) / sum(c.total_runs), 4) AS failure_rate
FROM counted AS c
JOIN reporting.pipelines AS p USING (pipeline_id)
WHERE {in_scope}
GROUP BY p.platform
ORDER BY sum(c.failures) / sum(c.total_runs) DESC, failures DESC, p.platform
