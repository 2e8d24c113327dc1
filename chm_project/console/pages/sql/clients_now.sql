-- Question   How many pipelines of each client fail, and what is its latest run?
-- Grain      one row per client with an active pipeline
-- Inventory  active
-- Parameters as_of, state_at (runs count in the state that they had then); client_id, platform, environment: null
--            does not restrict
SELECT
    p.client_id,
    count(*) FILTER (WHERE decisive.status = 'failed') AS failing,
    (array_agg(latest.status ORDER BY latest.event_at DESC) FILTER (WHERE latest.run_id IS NOT NULL))[1] AS latest_status,
    max(latest.event_at) AS latest_at
FROM reporting.pipelines AS p
LEFT JOIN {decisive_run} AS decisive ON true
LEFT JOIN {latest_run} AS latest ON true
WHERE p.is_active AND {in_scope}
GROUP BY p.client_id
