-- All pipelines with their last success. The run's columns are null if the pipeline never succeeded.
--   pipeline_id      Key of the pipeline
--   run_id           Key of the last successful run
--   started_at       When that run started
--   finished_at      When that run ended
--   last_success_at  When that run happened
SELECT p.pipeline_id, success.run_id, success.started_at, success.finished_at, success.event_at AS last_success_at
FROM reporting.pipelines AS p
LEFT JOIN {last_success} AS success ON true
