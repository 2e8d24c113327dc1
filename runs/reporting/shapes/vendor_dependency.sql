-- Question   Q4: How much of the failing is the vendors'?
-- Grain      one row for vendor_api, one for all other platforms, also without runs
-- Inventory  all
-- Panel      Q1-Q5 Business Monitoring: bar chart
-- Parameters
-- Columns
--   platform_group    text     vendor_api, other_platforms
--   failed_30d        integer  Failed runs in the 30 days before as_of
--   runs_30d          integer  All runs in them
--   failure_rate_30d  numeric? Failed ÷ all runs, to 4 places; null without runs
WITH counted AS (
    SELECT pipeline_id, count(*) FILTER (WHERE status = 'failed') AS failed, count(*) AS runs
    FROM reporting.runs
    WHERE event_at >= %(as_of)s::timestamptz - interval '30 days' AND event_at < %(as_of)s
    GROUP BY pipeline_id
)
SELECT
    g.platform_group,
    coalesce(sum(c.failed), 0)::bigint AS failed_30d,
    coalesce(sum(c.runs), 0)::bigint AS runs_30d,
    round(sum(c.failed) / sum(c.runs), 4) AS failure_rate_30d
FROM (VALUES ('vendor_api', true), ('other_platforms', false)) AS g(platform_group, is_vendor)
LEFT JOIN (
    counted AS c JOIN reporting.pipelines AS p USING (pipeline_id)
) ON (p.platform = 'vendor_api') = g.is_vendor AND {in_scope}
GROUP BY g.platform_group, g.is_vendor
ORDER BY g.is_vendor DESC
