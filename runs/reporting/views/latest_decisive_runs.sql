-- All pipelines with their latest decisive run: the latest run that succeeded or failed. Later running, canceled and
-- skipped runs do not change this result. The columns of the run are null if the pipeline has no decisive run.
--   pipeline_id     Key of the pipeline
--   pipeline_name   Name of the pipeline
--   client_id       Key of the client
--   client_name     Name of the client
--   platform        Kind of orchestrator
--   environment     Where the pipeline runs
--   is_active       Whether the pipeline is in the active inventory: pipeline and client are both active
--   run_id          Key of the latest decisive run
--   verdict         Status of that run: success or failed
--   started_at      When that run started
--   finished_at     When that run ended
--   event_at        When that run happened: its end, else its start, else when CHM stored it
SELECT
    p.pipeline_id, p.pipeline_name, p.client_id, p.client_name, p.platform, p.environment, p.is_active,
    decisive.run_id, decisive.status AS verdict, decisive.started_at, decisive.finished_at, decisive.event_at
FROM reporting.pipelines AS p
LEFT JOIN {decisive_run} AS decisive ON true
