-- Open runs of the active inventory. A run is running long after more than 10 minutes and more than three times the
-- median duration of its pipeline's last 20 successes. Without such a median only the 10 minutes count.
--   run_id         Key of the run
--   pipeline_id    Key of its pipeline
--   pipeline_name  Its name
--   client_id      Key of the client
--   client_name    Name of the client
--   platform       Kind of orchestrator
--   environment    Where it runs
--   started_at     When the run started; null: not yet
--   usual_seconds  Median duration of the pipeline's last 20 successes; null: unknown
--   long_after     From this time on it is running long; null: its start is unknown
SELECT
    r.run_id, r.pipeline_id, r.pipeline_name, r.client_id, r.client_name, r.platform, r.environment, r.started_at,
    r.usual_seconds, r.long_after
FROM {open_runs} AS r
