-- Question   When did pipelines fail, and how long until they recovered?
-- Grain      one row per streak that overlaps the window, newest first
-- Inventory  all
-- Panel      none
-- Parameters since, until
-- Columns
--   client_name    text         Name of the client
--   pipeline_name  text         Name of the pipeline
--   platform       text         Kind of orchestrator
--   began_at       timestamptz  When the first failed run of the streak happened; this can be before since
--   recovered_at   timestamptz? When the next success happened; null: no success before until
--   failed_runs    integer      Number of failed runs of the streak before until
--   error_message  text?        Error of the first failed run
--   client_id      uuid         Key of the client
--   pipeline_id    uuid         Key of the pipeline
--   run_id         uuid         Key of the first failed run
--
-- A streak is a series of failed runs of a pipeline without a success between them. Runs are ordered by event_at. A
-- streak of a disabled pipeline is listed only if it began in the window. Otherwise it would be in every later window,
-- because a disabled pipeline does not recover.
WITH failures AS MATERIALIZED (
    SELECT r.pipeline_id, r.run_id, r.event_at, r.error_message
    FROM reporting.runs AS r
    WHERE r.status = 'failed' AND r.event_at >= %(since)s AND r.event_at < %(until)s AND {run_in_scope}
),
-- One probe per failure finds the next decisive run, which ends or continues the streak.
followed AS (
    SELECT
        f.pipeline_id, f.run_id, f.event_at, CASE WHEN following.status = 'success' THEN following.event_at END AS recovered_at
    FROM failures AS f
    LEFT JOIN LATERAL (
        SELECT r.status, r.event_at
        FROM reporting.runs AS r
        WHERE r.pipeline_id = f.pipeline_id AND {decided}
            AND (r.event_at, r.run_id) > (f.event_at, f.run_id) AND r.event_at < %(until)s
        ORDER BY r.event_at, r.run_id
        LIMIT 1
    ) AS following ON true
),
-- The streaks of each pipeline within the window, numbered from 0.
in_window AS MATERIALIZED (
    SELECT
        pipeline_id, number, min(event_at) AS began_at, (array_agg(run_id) FILTER (WHERE is_first))[1] AS run_id,
        max(recovered_at) AS recovered_at, count(*) AS failed_runs
    FROM (
        SELECT
            f.*,
            count(f.recovered_at) OVER (ordered ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS number,
            lag(f.recovered_at IS NOT NULL, 1, true) OVER ordered AS is_first
        FROM followed AS f
        WINDOW ordered AS (PARTITION BY f.pipeline_id ORDER BY f.event_at, f.run_id)
    ) AS numbered
    GROUP BY pipeline_id, number
),
-- Whether a pipeline was failing when the window begins, from the last runs before it. Pipelines without one of these
-- runs, or with a tie, have no row and get a probe of their own.
last_runs AS MATERIALIZED (
    SELECT pipeline_id, coalesce(failed_at > succeeded_at, succeeded_at IS NULL) AS is_failing
    FROM (
        SELECT
            r.pipeline_id, max(r.event_at) FILTER (WHERE r.status = 'failed') AS failed_at,
            max(r.event_at) FILTER (WHERE r.status = 'success') AS succeeded_at
        FROM (
            SELECT r.pipeline_id, r.status, r.event_at
            FROM reporting.runs AS r
            WHERE r.event_at < %(since)s
            ORDER BY r.event_at DESC, r.run_id DESC
            LIMIT 4 * (SELECT count(*) FROM reporting.pipelines AS p WHERE {in_scope})
        ) AS r
        WHERE {decided}
        GROUP BY r.pipeline_id
    ) AS latest
    WHERE failed_at IS DISTINCT FROM succeeded_at
),
failing_before AS MATERIALIZED (
    SELECT p.pipeline_id, p.is_active, recovered.event_at AS recovered_at, recovered.run_id AS recovered_by
    FROM reporting.pipelines AS p
    LEFT JOIN last_runs USING (pipeline_id)
    LEFT JOIN LATERAL (
        SELECT r.event_at, r.run_id
        FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id AND r.status = 'success'
            AND r.event_at >= %(since)s AND r.event_at < %(until)s
        ORDER BY r.event_at, r.run_id
        LIMIT 1
    ) AS recovered ON true
    WHERE {in_scope}
        -- A scalar subquery, so that it runs only for pipelines without a row in last_runs.
        AND coalesce(last_runs.is_failing, (
            SELECT r.status = 'failed'
            FROM reporting.runs AS r
            WHERE r.pipeline_id = p.pipeline_id AND {decided} AND r.event_at < %(since)s
            ORDER BY r.event_at DESC, r.run_id DESC
            LIMIT 1
        ))
),
-- The failures within the window that continue a streak from before it.
continued AS MATERIALIZED (
    SELECT w.pipeline_id, w.number, w.failed_runs
    FROM failing_before AS p
    JOIN in_window AS w USING (pipeline_id)
    -- Not `= 0`, for which the planner expects only a few rows.
    WHERE w.number < 1
        AND (p.recovered_at IS NULL OR (w.began_at, w.run_id) < (p.recovered_at, p.recovered_by))
),
streaks AS (
    SELECT w.pipeline_id, w.run_id, w.began_at, w.recovered_at, w.failed_runs
    FROM in_window AS w
    WHERE w.number > 0 OR w.pipeline_id NOT IN (SELECT pipeline_id FROM continued)
    UNION ALL
    SELECT p.pipeline_id, before.run_id, before.began_at, p.recovered_at, before.failed_runs + coalesce(continued.failed_runs, 0)
    FROM failing_before AS p
    LEFT JOIN continued USING (pipeline_id)
    LEFT JOIN LATERAL (
        SELECT r.event_at, r.run_id
        FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id AND r.status = 'success' AND r.event_at < %(since)s
        ORDER BY r.event_at DESC, r.run_id DESC
        LIMIT 1
    ) AS former ON true
    CROSS JOIN LATERAL (
        -- With FILTER, because the index runs_failed does not serve one pipeline.
        SELECT
            min(r.event_at) FILTER (WHERE r.status = 'failed') AS began_at,
            (array_agg(r.run_id ORDER BY r.event_at, r.run_id) FILTER (WHERE r.status = 'failed'))[1] AS run_id,
            count(*) FILTER (WHERE r.status = 'failed') AS failed_runs
        FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id
            AND r.event_at >= coalesce(former.event_at, '-infinity'::timestamptz) AND r.event_at < %(since)s
            AND (r.event_at, r.run_id) > (
                coalesce(former.event_at, '-infinity'::timestamptz),
                coalesce(former.run_id, '00000000-0000-0000-0000-000000000000'::uuid)
            )
    ) AS before
    WHERE p.is_active
)
SELECT
    p.client_name, p.pipeline_name, p.platform, s.began_at, s.recovered_at, s.failed_runs,
    CASE
        WHEN f.run_id IS NOT NULL THEN f.error_message
        ELSE (SELECT r.error_message FROM reporting.runs AS r WHERE r.run_id = s.run_id)
    END AS error_message,
    p.client_id, p.pipeline_id, s.run_id
FROM streaks AS s
JOIN reporting.pipelines AS p USING (pipeline_id)
-- Most streaks begin in the window, so their errors were read with the failures.
LEFT JOIN failures AS f ON f.run_id = s.run_id
ORDER BY s.began_at DESC, p.client_name, p.pipeline_name, s.run_id
