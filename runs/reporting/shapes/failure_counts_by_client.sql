-- Question   Which clients have the most failures, today and this week?
-- Grain      one row per client, including clients without failures; most failures in 24 hours first
-- Inventory  all
-- Panel      Operations: bar chart
-- Parameters
-- Columns
--   client_id    uuid     Key of the client
--   client_name  text     Name of the client
--   failed_24h   integer  Failed runs in the 24 hours before `as_of`
--   failed_7d    integer  Failed runs in the 7 days before `as_of`
WITH failures AS (
    SELECT
        p.client_id,
        count(*) FILTER (WHERE r.event_at >= %(as_of)s::timestamptz - interval '24 hours') AS failed_24h,
        count(*) AS failed_7d
    FROM reporting.runs AS r
    JOIN reporting.pipelines AS p USING (pipeline_id)
    WHERE r.status = 'failed'
        AND r.event_at >= %(as_of)s::timestamptz - interval '7 days' AND r.event_at < %(as_of)s
        AND {in_scope}
    GROUP BY p.client_id
)
SELECT
    p.client_id, p.client_name,
    coalesce(f.failed_24h, 0) AS failed_24h,
    coalesce(f.failed_7d, 0) AS failed_7d
FROM reporting.clients AS p  -- named p, because client_in_scope reads p.client_id
LEFT JOIN failures AS f USING (client_id)
WHERE {client_in_scope}
ORDER BY failed_24h DESC, failed_7d DESC, p.client_name
