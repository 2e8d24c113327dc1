-- Open runs of the active inventory. A run is running long if it has run for more than 10 minutes and for more than
-- three times the usual duration, the median of the last 20 successes of its pipeline. If the pipeline never succeeded,
-- only the 10 minutes count.
--   run_id         Key of the run
--   pipeline_id    Key of the pipeline
--   pipeline_name  Name of the pipeline
--   client_id      Key of the client
--   client_name    Name of the client
--   platform       Kind of orchestrator
--   environment    Where the pipeline runs
--   started_at     When the run started; null: it has no start yet
--   usual_seconds  Median duration of the pipeline's last 20 successes; null: unknown
--   long_after     From this time on the run is running long; null: its start is unknown
SELECT
    r.run_id, r.pipeline_id, r.pipeline_name, r.client_id, r.client_name, r.platform, r.environment, r.started_at,
    r.usual_seconds, r.long_after
FROM {open_runs} AS r
