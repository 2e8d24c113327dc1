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
    r.id AS run_id, p.pipeline_id, p.pipeline_name, p.client_id, p.client_name, p.platform, p.environment,
    r.started_at, usual.seconds AS usual_seconds,
    r.started_at + make_interval(secs => greatest(600, 3 * usual.seconds)) AS long_after
FROM runs AS r
JOIN reporting.pipelines AS p USING (pipeline_id)
CROSS JOIN LATERAL (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_seconds) AS seconds
    FROM (
        SELECT duration_seconds
        FROM runs AS former
        WHERE former.pipeline_id = r.pipeline_id AND former.status = 'success'
        ORDER BY
            coalesce(started_at, '-infinity'::timestamptz) DESC,
            coalesce(finished_at, '-infinity'::timestamptz) DESC,
            id DESC
        LIMIT 20
    ) AS last
) AS usual
WHERE r.status = 'running' AND p.is_active
