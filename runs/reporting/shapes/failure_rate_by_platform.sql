-- Question   On which platform do runs fail most?
-- Grain      one row per platform with runs in the window, highest failure rate first
-- Inventory  all
-- Panel      Q6-Q10 Operations & Governance: bar chart
-- View       platform_health
-- Parameters since, until
-- Columns
--   platform      text     Kind of orchestrator
--   failures      integer  Failed runs
--   total_runs    integer  All runs
--   failure_rate  numeric  Failed ÷ all runs, to 4 places
WITH bounds AS (SELECT %(since)s::timestamptz AS since, %(until)s::timestamptz AS until),
{counted_by_day}
SELECT
    c.platform,
    sum(c.failed)::bigint AS failures,
    sum(c.runs)::bigint AS total_runs,
    round(sum(c.failed)::numeric / sum(c.runs), 4) AS failure_rate
FROM counted_by_day AS c
GROUP BY c.platform
HAVING sum(c.runs) > 0
ORDER BY sum(c.failed)::numeric / sum(c.runs) DESC, failures DESC, c.platform
