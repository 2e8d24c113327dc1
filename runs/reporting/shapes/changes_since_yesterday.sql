-- Question   Q3: What changed since yesterday?
-- Grain      one row per pipeline whose latest terminal status differs from 24 hours before, newest change first
-- Inventory  active
-- Panel      Q1-Q5 Business Monitoring: table
-- View       changes_since_yesterday
-- Parameters
-- Columns
--   client_name    text         Name of the client
--   pipeline_name  text         Name of the pipeline
--   platform       text         Kind of orchestrator
--   status_then    text?        Latest terminal status 24 hours before as_of; null: no run had ended
--   status_now     text         Latest terminal status at as_of
--   changed_at     timestamptz  When the first run happened since which the status is what it is now
--
-- Only pipelines with a run in the last 24 hours can differ. Both moments are judged from the rows as they stand.
WITH moved AS (
    SELECT DISTINCT pipeline_id
    FROM reporting.runs
    WHERE status <> 'running'
        AND event_at > %(as_of)s::timestamptz - interval '24 hours' AND event_at <= %(as_of)s
)
SELECT
    p.client_name, p.pipeline_name, p.platform,
    formerly.status AS status_then,
    currently.status AS status_now,
    changed.changed_at
FROM moved
JOIN reporting.pipelines AS p USING (pipeline_id)
CROSS JOIN LATERAL (
    SELECT status
    FROM reporting.runs AS r
    WHERE r.pipeline_id = p.pipeline_id AND r.status <> 'running' AND r.event_at <= %(as_of)s
    ORDER BY
        coalesce(r.started_at, '-infinity'::timestamptz) DESC,
        coalesce(r.finished_at, '-infinity'::timestamptz) DESC,
        r.run_id DESC
    LIMIT 1
) AS currently
LEFT JOIN LATERAL (
    SELECT status
    FROM reporting.runs AS r
    WHERE r.pipeline_id = p.pipeline_id AND r.status <> 'running'
        AND r.event_at <= %(as_of)s::timestamptz - interval '24 hours'
    ORDER BY
        coalesce(r.started_at, '-infinity'::timestamptz) DESC,
        coalesce(r.finished_at, '-infinity'::timestamptz) DESC,
        r.run_id DESC
    LIMIT 1
) AS formerly ON true
LEFT JOIN LATERAL (
    SELECT started_at, finished_at, run_id
    FROM reporting.runs AS r
    WHERE r.pipeline_id = p.pipeline_id AND r.status NOT IN ('running', currently.status) AND r.event_at <= %(as_of)s
    ORDER BY
        coalesce(r.started_at, '-infinity'::timestamptz) DESC,
        coalesce(r.finished_at, '-infinity'::timestamptz) DESC,
        r.run_id DESC
    LIMIT 1
) AS other ON true
CROSS JOIN LATERAL (
    SELECT r.event_at AS changed_at
    FROM reporting.runs AS r
    WHERE r.pipeline_id = p.pipeline_id AND r.status = currently.status AND r.event_at <= %(as_of)s
        AND (
            coalesce(r.started_at, '-infinity'::timestamptz), coalesce(r.finished_at, '-infinity'::timestamptz),
            r.run_id
        ) > (
            coalesce(other.started_at, '-infinity'::timestamptz),
            coalesce(other.finished_at, '-infinity'::timestamptz),
            coalesce(other.run_id, '00000000-0000-0000-0000-000000000000'::uuid)
        )
    ORDER BY
        coalesce(r.started_at, '-infinity'::timestamptz),
        coalesce(r.finished_at, '-infinity'::timestamptz),
        r.run_id
    LIMIT 1
) AS changed
WHERE p.is_active AND {in_scope} AND currently.status IS DISTINCT FROM formerly.status
ORDER BY changed.changed_at DESC, p.client_name, p.pipeline_name, p.pipeline_id
