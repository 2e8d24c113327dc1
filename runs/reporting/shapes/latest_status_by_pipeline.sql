-- Question   What is the latest status of every pipeline, by client?
-- Grain      one row per pipeline, including pipelines without runs; sorted by client and pipeline
-- Inventory  active
-- Panel      Operations: table; Q1-Q5 Business Monitoring: table
-- Parameters
-- Columns
--   client_name    text         Name of the client
--   pipeline_name  text         Name of the pipeline
--   platform       text         Kind of orchestrator
--   latest_status  text?        Status of the latest run; null: no run yet
--   last_run_time  timestamptz? When that run started; if unknown, when it ended or was stored
--   stale_since    timestamptz? Since when ingestion is overdue; null: not overdue
--   client_id      uuid         Key of the client
--   pipeline_id    uuid         Key of the pipeline
--   run_id         uuid?        Key of the latest run; null: no run yet
--   source_url     text?        Page of that run at the source; null: unknown
--
-- The latest run can have any status. `stale_since` comes from the current state of ingestion, also for a past `as_of`.
-- So it has a value only if ingestion is still overdue now.
SELECT
    p.client_name, p.pipeline_name, p.platform, latest.status AS latest_status, latest.last_run_time,
    CASE WHEN {stale} THEN p.ingest_due_at END AS stale_since,
    p.client_id, p.pipeline_id, latest.run_id, latest.source_url
FROM reporting.pipelines AS p
LEFT JOIN {latest_run} AS latest ON true
WHERE p.is_active AND {in_scope}
ORDER BY p.client_name, p.pipeline_name, p.pipeline_id
