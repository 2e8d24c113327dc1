-- All pipelines with their latest run, which one index probe per pipeline finds. Without a run its columns are null.
--   pipeline_id    Key of the pipeline
--   pipeline_name  Its name
--   client_id      Key of its client
--   client_name    Name of its client
--   platform       Kind of orchestrator
--   environment    Where it runs
--   is_active      Active inventory: pipeline and client are both active
--   ingest_due_at  After this time the status is stale
--   run_id         Key of the latest run
--   latest_status  Its status
--   started_at     When it started
--   finished_at    When it ended
--   event_at       When it happened
--   last_run_time  When it started, else finished, else was stored
SELECT
    p.pipeline_id, p.pipeline_name, p.client_id, p.client_name, p.platform, p.environment, p.is_active,
    p.ingest_due_at, latest.run_id, latest.status AS latest_status, latest.started_at, latest.finished_at,
    latest.event_at, latest.last_run_time
FROM reporting.pipelines AS p
LEFT JOIN {latest_run} AS latest ON true
