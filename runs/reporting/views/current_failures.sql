-- Pipelines of the active inventory whose latest run failed. The streak is the failed runs since the last success:
-- canceled, skipped and running ones between neither count nor end it.
--   pipeline_id      Key of the pipeline
--   pipeline_name    Its name
--   client_id        Key of its client
--   client_name      Name of its client
--   platform         Kind of orchestrator
--   environment      Where it runs
--   run_id           Key of the latest, failed run
--   failing_since    When the first failure of the streak happened
--   failed_in_a_row  Failed runs of the streak
--   last_success_at  When the last success happened; null: never
--   error_message    Of the latest run
--   failing_for      Age of the streak, by the database's clock
SELECT
    l.pipeline_id, l.pipeline_name, l.client_id, l.client_name, l.platform, l.environment, l.run_id,
    streak.failing_since, streak.failed_in_a_row, s.last_success_at, latest.error_message,
    now() - streak.failing_since AS failing_for
FROM reporting.latest_runs AS l
JOIN runs AS latest ON latest.id = l.run_id
CROSS JOIN LATERAL (
    SELECT success.run_id, success.started_at, success.finished_at, success.last_success_at
    FROM reporting.last_successes AS success
    WHERE success.pipeline_id = l.pipeline_id
) AS s
CROSS JOIN LATERAL (
    SELECT min(event_at) AS failing_since, count(*) AS failed_in_a_row
    FROM runs AS r
    WHERE r.pipeline_id = l.pipeline_id
        AND r.status = 'failed'
        AND (
            coalesce(r.started_at, '-infinity'::timestamptz), coalesce(r.finished_at, '-infinity'::timestamptz), r.id
        ) > (
            coalesce(s.started_at, '-infinity'::timestamptz), coalesce(s.finished_at, '-infinity'::timestamptz),
            coalesce(s.run_id, '00000000-0000-0000-0000-000000000000'::uuid)
        )
) AS streak
WHERE l.is_active AND l.latest_status = 'failed'
