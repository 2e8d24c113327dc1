-- Question   Q7: Whose data is getting old?
-- Grain      one row per pipeline, never succeeded first, then the oldest success
-- Inventory  active
-- Panel      Q6-Q10 Operations & Governance: table
-- View       freshness
-- Parameters
-- Columns
--   client_name          text         Name of the client
--   pipeline_name        text         Name of the pipeline
--   platform             text         Kind of orchestrator
--   environment          text         Where it runs
--   last_run_at          timestamptz? First known of started, finished, stored of the latest run; null: no run
--   last_success_at      timestamptz? When the last success happened; null: never
--   hours_since_success  numeric?     From then to as_of, to 1 place; null: never
SELECT
    p.client_name, p.pipeline_name, p.platform, p.environment,
    p.last_run_time AS last_run_at,
    s.last_success_at,
    round(extract(epoch FROM %(as_of)s::timestamptz - s.last_success_at) / 3600, 1) AS hours_since_success
FROM reporting.latest_runs AS p
CROSS JOIN LATERAL (
    SELECT last_success_at FROM reporting.last_successes AS success WHERE success.pipeline_id = p.pipeline_id
) AS s
WHERE p.is_active AND {in_scope}
ORDER BY s.last_success_at NULLS FIRST, p.client_name, p.pipeline_name, p.pipeline_id
