-- Every pipeline with its last success, null where it never succeeded.
--   pipeline_id      Key of the pipeline
--   run_id           Key of the last successful run
--   started_at       When that started
--   finished_at      When that ended
--   last_success_at  When that happened
SELECT p.pipeline_id, success.run_id, success.started_at, success.finished_at, success.event_at AS last_success_at
FROM reporting.pipelines AS p
LEFT JOIN {last_success} AS success ON true
