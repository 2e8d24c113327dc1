-- Every pipeline with its last success, null where it never succeeded.
--   pipeline_id      Key of the pipeline
--   run_id           Key of the last successful run
--   started_at       When that started
--   finished_at      When that ended
--   last_success_at  When that happened
SELECT p.id AS pipeline_id, success.run_id, success.started_at, success.finished_at, success.event_at AS last_success_at
FROM pipelines AS p
LEFT JOIN LATERAL (
    SELECT id AS run_id, started_at, finished_at, event_at
    FROM runs
    WHERE runs.pipeline_id = p.id AND status = 'success'
    ORDER BY
        coalesce(started_at, '-infinity'::timestamptz) DESC,
        coalesce(finished_at, '-infinity'::timestamptz) DESC,
        id DESC
    LIMIT 1
) AS success ON true
