-- All pipelines with their latest run. The columns of the run are null if the pipeline has no run. PostgreSQL finds
-- each run with one search in an index.
--   pipeline_id    Key of the pipeline
--   pipeline_name  Name of the pipeline
--   client_id      Key of the client
--   client_name    Name of the client
--   platform       Kind of orchestrator
--   environment    Where the pipeline runs
--   is_active      Whether the pipeline is in the active inventory: pipeline and client are both active
--   ingest_due_at  After this time the pipeline is stale: its latest status may be outdated
--   run_id         Key of the latest run
--   latest_status  Status of the latest run
--   started_at     When the latest run started
--   finished_at    When the latest run ended
--   event_at       When the latest run happened: its end, else its start, else when CHM stored it
--   last_run_time  When the latest run started; without a start, when it ended; without both, when CHM stored it
SELECT
    p.pipeline_id, p.pipeline_name, p.client_id, p.client_name, p.platform, p.environment, p.is_active,
    p.ingest_due_at, latest.run_id, latest.status AS latest_status, latest.started_at, latest.finished_at,
    latest.event_at, latest.last_run_time
FROM reporting.pipelines AS p
LEFT JOIN {latest_run} AS latest ON true
