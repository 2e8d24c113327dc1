-- Question   What is failing now?
-- Grain      one row per pipeline whose latest run failed, failing longest first
-- Inventory  active
-- Panel      Operations: table
-- Parameters
-- Columns
--   client_name      text         Name of the client
--   pipeline_name    text         Name of the pipeline
--   platform         text         Kind of orchestrator
--   environment      text         Where it runs
--   failing_since    timestamptz  When the first failure after the last success happened
--   failed_in_a_row  integer      Failed runs since the last success
--   last_success_at  timestamptz? When that was; null: never
--   error_message    text?        Of the latest run
SELECT
    p.client_name, p.pipeline_name, p.platform, p.environment, p.failing_since, p.failed_in_a_row, p.last_success_at,
    p.error_message
FROM reporting.current_failures AS p
WHERE {in_scope}
ORDER BY p.failing_since, p.client_name, p.pipeline_name, p.pipeline_id
