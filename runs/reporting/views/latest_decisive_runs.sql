-- All pipelines with their latest decisive run, which is the latest run that succeeded or failed. Later running,
-- canceled and skipped runs do not change this verdict. The run's columns are null if no run was decisive.
--   pipeline_id     Key of the pipeline
--   pipeline_name   Its name
--   client_id       Key of its client
--   client_name     Name of its client
--   platform        Kind of orchestrator
--   environment     Where it runs
--   is_active       Active inventory: pipeline and client are both active
--   run_id          Key of the latest decisive run
--   verdict         success, failed
--   started_at      When that run started
--   finished_at     When it ended
--   event_at        When it happened
SELECT
    p.pipeline_id, p.pipeline_name, p.client_id, p.client_name, p.platform, p.environment, p.is_active,
    decisive.run_id, decisive.status AS verdict, decisive.started_at, decisive.finished_at, decisive.event_at
FROM reporting.pipelines AS p
LEFT JOIN {decisive_run} AS decisive ON true
