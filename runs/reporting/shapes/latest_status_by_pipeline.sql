-- Question   What is the latest status of every pipeline, by client?
-- Grain      one row per pipeline, also without runs, by names
-- Inventory  active
-- Panel      Operations: table; Q1-Q5 Business Monitoring: table
-- Parameters
-- Columns
--   client_name    text         Name of the client
--   pipeline_name  text         Name of the pipeline
--   platform       text         Kind of orchestrator
--   latest_status  text?        Status of the latest run; null: no run yet
--   last_run_time  timestamptz? First known of started, finished, stored of that run
--   stale_since    timestamptz? Since when ingestion is overdue; null: it is not
SELECT
    p.client_name, p.pipeline_name, p.platform, p.latest_status, p.last_run_time,
    CASE WHEN p.ingest_due_at < %(as_of)s THEN p.ingest_due_at END AS stale_since
FROM reporting.latest_runs AS p
WHERE p.is_active AND {in_scope}
ORDER BY p.client_name, p.pipeline_name, p.pipeline_id
