-- Question   Q4: How often do vendor APIs fail, compared with other platforms?
-- Grain      one row for `vendor_api` and one for all other platforms, even without runs
-- Inventory  all
-- Panel      Q1-Q5 Business Monitoring: bar chart
-- Parameters
-- Columns
--   platform_group    text     `vendor_api`, `other_platforms`
--   failed_30d        integer  Failed runs in the 30 days before `as_of`
--   runs_30d          integer  All runs in these 30 days
--   failure_rate_30d  numeric? Failed ÷ all runs, to 4 places; null without runs
WITH bounds AS (
    SELECT %(as_of)s::timestamptz - interval '30 days' AS since, %(as_of)s::timestamptz AS until
),
{counted_by_day}
SELECT
    g.platform_group,
    coalesce(sum(c.failed), 0)::bigint AS failed_30d,
    coalesce(sum(c.runs), 0)::bigint AS runs_30d,
    round(sum(c.failed)::numeric / nullif(sum(c.runs), 0), 4) AS failure_rate_30d
FROM (VALUES ('vendor_api', true), ('other_platforms', false)) AS g(platform_group, is_vendor)
LEFT JOIN counted_by_day AS c ON (c.platform = 'vendor_api') = g.is_vendor
GROUP BY g.platform_group, g.is_vendor
ORDER BY g.is_vendor DESC
