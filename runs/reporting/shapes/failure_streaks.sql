-- Question   When did pipelines fail, and how long until they recovered?
-- Grain      one row per streak of failed runs without a success between them, in any part of the window; newest first
-- Inventory  all
-- Panel      none
-- Parameters since, until
-- Columns
--   client_name    text         Name of the client
--   pipeline_name  text         Name of the pipeline
--   platform       text         Kind of orchestrator
--   began_at       timestamptz  When the first failed run of the streak happened; before since where it continues
--   recovered_at   timestamptz? When the next success happened; null: not before until
--   failed_runs    integer      Failed runs of the streak before until
--   error_message  text?        Of the first failed run
--   client_id      uuid         Key of the client
--   pipeline_id    uuid         Key of the pipeline
--   run_id         uuid         Key of the first failed run
--
-- Runs are in the order in which they happened. A streak that began before since is listed for active pipelines only: that
-- of a disabled one would be in every window.
WITH first_failures AS (
    SELECT f.pipeline_id, f.run_id, f.event_at
    FROM (
        SELECT r.pipeline_id, r.run_id, r.event_at
        FROM reporting.runs AS r
        WHERE r.status = 'failed' AND r.event_at >= %(since)s AND r.event_at < %(until)s AND {run_in_scope}
    ) AS f
    LEFT JOIN LATERAL (
        SELECT r.status
        FROM reporting.runs AS r
        WHERE r.pipeline_id = f.pipeline_id AND {decisive} AND (r.event_at, r.run_id) < (f.event_at, f.run_id)
        ORDER BY r.event_at DESC, r.run_id DESC
        LIMIT 1
    ) AS before ON true
    WHERE before.status IS DISTINCT FROM 'failed'
    UNION ALL
    SELECT p.pipeline_id, first_failed.run_id, first_failed.event_at
    FROM reporting.pipelines AS p
    CROSS JOIN LATERAL (
        SELECT r.status
        FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id AND {decisive} AND r.event_at < %(since)s
        ORDER BY r.event_at DESC, r.run_id DESC
        LIMIT 1
    ) AS verdict
    LEFT JOIN LATERAL (
        SELECT r.event_at, r.run_id
        FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id AND r.status = 'success' AND r.event_at < %(since)s
        ORDER BY r.event_at DESC, r.run_id DESC
        LIMIT 1
    ) AS former ON verdict.status = 'failed'
    CROSS JOIN LATERAL (
        SELECT r.run_id, r.event_at
        FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id AND r.status = 'failed'
            AND (r.event_at, r.run_id) > (
                coalesce(former.event_at, '-infinity'::timestamptz),
                coalesce(former.run_id, '00000000-0000-0000-0000-000000000000'::uuid)
            )
        ORDER BY r.event_at, r.run_id
        LIMIT 1
    ) AS first_failed
    WHERE verdict.status = 'failed' AND p.is_active AND {in_scope}
)
SELECT
    p.client_name, p.pipeline_name, p.platform, s.event_at AS began_at, recovered.event_at AS recovered_at,
    counted.failed_runs, first_run.error_message, p.client_id, p.pipeline_id, s.run_id
FROM first_failures AS s
JOIN reporting.pipelines AS p USING (pipeline_id)
JOIN reporting.runs AS first_run ON first_run.run_id = s.run_id
LEFT JOIN LATERAL (
    SELECT r.event_at, r.run_id
    FROM reporting.runs AS r
    WHERE r.pipeline_id = s.pipeline_id AND r.status = 'success' AND r.event_at < %(until)s
        AND (r.event_at, r.run_id) > (s.event_at, s.run_id)
    ORDER BY r.event_at, r.run_id
    LIMIT 1
) AS recovered ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS failed_runs
    FROM reporting.runs AS r
    WHERE r.pipeline_id = s.pipeline_id AND r.status = 'failed'
        AND (r.event_at, r.run_id) >= (s.event_at, s.run_id)
        AND (r.event_at, r.run_id) < (
            coalesce(recovered.event_at, %(until)s::timestamptz),
            coalesce(recovered.run_id, '00000000-0000-0000-0000-000000000000'::uuid)
        )
) AS counted
ORDER BY began_at DESC, p.client_name, p.pipeline_name, s.run_id
