-- Question   Q8: How reliable is each environment?
-- Grain      one row per environment with runs, highest failure rate first
-- Inventory  all
-- Panel      Q6-Q10 Operations & Governance: bar chart
-- Parameters
-- Columns
--   environment       text     dev, staging, prod
--   failed_30d        integer  Failed runs in the 30 days before `as_of`
--   runs_30d          integer  All runs in these 30 days
--   failure_rate_30d  numeric  Failed ÷ all runs, to 4 places
WITH bounds AS (
    SELECT %(as_of)s::timestamptz - interval '30 days' AS since, %(as_of)s::timestamptz AS until
),
{counted_by_day}
SELECT
    c.environment,
    sum(c.failed)::bigint AS failed_30d,
    sum(c.runs)::bigint AS runs_30d,
    round(sum(c.failed)::numeric / sum(c.runs), 4) AS failure_rate_30d
FROM counted_by_day AS c
GROUP BY c.environment
HAVING sum(c.runs) > 0
ORDER BY sum(c.failed)::numeric / sum(c.runs) DESC, failed_30d DESC, c.environment
