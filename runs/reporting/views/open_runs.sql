-- Open runs of the active inventory. A run is running long after 10 minutes, and after three times the median duration
-- of its pipeline's last 20 successes.
--   run_id         Key of the run
--   pipeline_id    Key of its pipeline
--   pipeline_name  Its name
--   client_id      Key of the client
--   client_name    Name of the client
--   platform       Kind of orchestrator
--   environment    Where it runs
--   started_at     When the run started; null: not yet
--   usual_seconds  Median duration of the pipeline's last 20 successes; null: unknown
--   long_after     From this time on it is running long; null: no start or no duration is known
SELECT
    r.run_id, r.pipeline_id, r.pipeline_name, r.client_id, r.client_name, r.platform, r.environment, r.started_at,
    r.usual_seconds, r.long_after
FROM {open_runs} AS r
