-- Question    Which runs decide what the latest run of these pipelines was, at any moment of a window?
-- Grain       one row per run that began in the window, and per pipeline the latest of those before it
-- Columns     run_id, pipeline_id, status, started_at, finished_at, event_at
-- Parameters  pipeline_id or client_id, since, until
WITH watched AS (
    SELECT p.pipeline_id
    FROM reporting.pipelines AS p
    WHERE p.is_active AND (p.pipeline_id = %(pipeline_id)s::uuid OR p.client_id = %(client_id)s::uuid)
)
SELECT former.run_id, former.pipeline_id, former.status, former.started_at, former.finished_at, former.event_at
FROM watched
CROSS JOIN LATERAL (
    SELECT r.run_id, r.pipeline_id, r.status, r.started_at, r.finished_at, r.event_at
    FROM reporting.runs AS r
    WHERE r.pipeline_id = watched.pipeline_id
        AND coalesce(r.started_at, '-infinity'::timestamptz) < %(since)s
        AND (r.started_at IS NOT NULL OR r.event_at < %(since)s)
    ORDER BY
        coalesce(r.started_at, '-infinity'::timestamptz) DESC,
        coalesce(r.finished_at, '-infinity'::timestamptz) DESC,
        r.run_id DESC
    LIMIT 1
) AS former
UNION ALL
SELECT r.run_id, r.pipeline_id, r.status, r.started_at, r.finished_at, r.event_at
FROM watched
JOIN reporting.runs AS r USING (pipeline_id)
WHERE coalesce(r.started_at, '-infinity'::timestamptz) >= %(since)s
    AND coalesce(r.started_at, '-infinity'::timestamptz) < %(until)s
UNION ALL
SELECT r.run_id, r.pipeline_id, r.status, r.started_at, r.finished_at, r.event_at
FROM watched
JOIN reporting.runs AS r USING (pipeline_id)
WHERE coalesce(r.started_at, '-infinity'::timestamptz) = '-infinity'::timestamptz
    AND r.event_at >= %(since)s AND r.event_at < %(until)s
