-- Runs of the active inventory that have not ended, and from when on each is running long: after more than 10 minutes
-- and more than three times the median of the pipeline's last 20 successes.
--   run_id         Key of the run
--   pipeline_id    Key of its pipeline
--   pipeline_name  Its name
--   client_id      Key of the client
--   client_name    Name of the client
--   platform       Kind of orchestrator
--   environment    Where it runs
--   started_at     When the run started; null: it waits
--   usual_seconds  Median duration of the pipeline's last 20 successes; null: none is known
--   long_after     From this moment on it is running long; null: nothing is known to compare with
SELECT
    r.run_id, r.pipeline_id, r.pipeline_name, r.client_id, r.client_name, r.platform, r.environment, r.started_at,
    r.usual_seconds, r.long_after
FROM {open_runs} AS r
