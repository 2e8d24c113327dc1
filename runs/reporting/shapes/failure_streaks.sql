-- Question   When did pipelines fail, and how long until they recovered?
-- Grain      one row per streak that overlaps the window, newest first
-- Inventory  all
-- Panel      none
-- Parameters since, until, limit = 1000
-- Columns
--   client_name    text         Name of the client
--   pipeline_name  text         Name of the pipeline
--   platform       text         Kind of orchestrator
--   began_at       timestamptz  When the first failed run of the streak happened; this can be before `since`
--   recovered_at   timestamptz? When the next success happened; null: no success before `until`
--   failed_runs    integer      Number of failed runs of the streak before `until`
--   error_message  text?        Error of the first failed run
--   client_id      uuid         Key of the client
--   pipeline_id    uuid         Key of the pipeline
--   run_id         uuid         Key of the first failed run
--
-- A streak is a series of failed runs of a pipeline without a success between them. Runs are ordered by `event_at`. A
-- streak of a disabled pipeline is listed only if it began in the window. Otherwise it would be in every later window,
-- because a disabled pipeline does not recover.
--
-- To save time, the query first finds the newest failures that begin a streak, up to the limit. Then it finds the ends
-- of these streaks. Streaks that began before the window are the last rows. So the query looks for them only if it has
-- fewer rows than the limit.
WITH in_window AS MATERIALIZED (
    SELECT
        p.client_name, p.pipeline_name, p.platform, failed.event_at AS began_at, p.client_id, p.pipeline_id,
        failed.run_id
    FROM reporting.runs AS failed
    JOIN reporting.pipelines AS p USING (pipeline_id)
    WHERE failed.status = 'failed' AND failed.event_at >= %(since)s AND failed.event_at < %(until)s AND {in_scope}
        -- The decisive run before this failure did not fail, so a streak begins.
        AND (
            SELECT r.status
            FROM reporting.runs AS r
            WHERE r.pipeline_id = failed.pipeline_id AND {decisive_now}
                AND (r.event_at, r.run_id) < (failed.event_at, failed.run_id)
            ORDER BY r.event_at DESC, r.run_id DESC
            LIMIT 1
        ) IS DISTINCT FROM 'failed'
    ORDER BY failed.event_at DESC, p.client_name, p.pipeline_name, failed.run_id
    LIMIT %(limit)s
),
before_window AS (
    SELECT
        p.client_name, p.pipeline_name, p.platform, first.event_at AS began_at, p.client_id, p.pipeline_id, first.run_id
    FROM reporting.pipelines AS p
    CROSS JOIN LATERAL (
        SELECT r.status
        FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id AND {decisive_now} AND r.event_at < %(since)s
        ORDER BY r.event_at DESC, r.run_id DESC
        LIMIT 1
    ) AS last
    LEFT JOIN LATERAL (
        SELECT r.event_at, r.run_id
        FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id AND r.status = 'success' AND r.event_at < %(since)s
        ORDER BY r.event_at DESC, r.run_id DESC
        LIMIT 1
    ) AS former ON true
    CROSS JOIN LATERAL (
        SELECT r.event_at, r.run_id
        FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id AND r.status = 'failed'
            AND r.event_at >= coalesce(former.event_at, '-infinity'::timestamptz)
            AND (former.run_id IS NULL OR (r.event_at, r.run_id) > (former.event_at, former.run_id))
        ORDER BY r.event_at, r.run_id
        LIMIT 1
    ) AS first
    WHERE p.is_active AND {in_scope} AND last.status = 'failed'
        AND (SELECT count(*) FROM in_window) < coalesce(%(limit)s, 'infinity'::float8)
)
SELECT
    s.client_name, s.pipeline_name, s.platform, s.began_at, recovered.event_at AS recovered_at, failures.failed_runs,
    (SELECT r.error_message FROM reporting.runs AS r WHERE r.run_id = s.run_id) AS error_message,
    s.client_id, s.pipeline_id, s.run_id
FROM (SELECT * FROM in_window UNION ALL SELECT * FROM before_window) AS s
LEFT JOIN LATERAL (
    SELECT r.event_at, r.run_id
    FROM reporting.runs AS r
    WHERE r.pipeline_id = s.pipeline_id AND r.status = 'success'
        AND (r.event_at, r.run_id) > (s.began_at, s.run_id) AND r.event_at < %(until)s
    ORDER BY r.event_at, r.run_id
    LIMIT 1
) AS recovered ON true
CROSS JOIN LATERAL (
    -- With FILTER, not WHERE: for a condition on the status, PostgreSQL could choose the index runs_failed, which has
    -- the failures of all pipelines.
    SELECT count(*) FILTER (WHERE r.status = 'failed') AS failed_runs
    FROM reporting.runs AS r
    WHERE r.pipeline_id = s.pipeline_id
        AND (r.event_at, r.run_id) >= (s.began_at, s.run_id) AND r.event_at < %(until)s
        AND r.event_at <= coalesce(recovered.event_at, %(until)s)
        AND (recovered.run_id IS NULL OR (r.event_at, r.run_id) < (recovered.event_at, recovered.run_id))
) AS failures
ORDER BY s.began_at DESC, s.client_name, s.pipeline_name, s.run_id
LIMIT %(limit)s
