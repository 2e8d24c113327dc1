-- The latest run of a pipeline (p), with the status that it had at state_at. PostgreSQL finds the run with one search
-- in the index runs_latest.
LATERAL (
    SELECT
        r.run_id, r.started_at, r.finished_at, r.event_at, coalesce(r.started_at, r.event_at) AS last_run_time,
        r.source_url,  -- not in the index: a query without this column reads only the index
        CASE WHEN r.event_at <= %(state_at)s::timestamptz THEN r.status ELSE 'running' END AS status
    FROM reporting.runs AS r
    WHERE r.pipeline_id = p.pipeline_id AND {started}
    ORDER BY {latest_first}
    LIMIT 1
)
