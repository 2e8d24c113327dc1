-- Joins of the latest run of a pipeline (p) in a window. `started` is the latest run with a start. In the order of
-- runs, a run with a start always counts as later than a run without one. So `unstarted`, the latest run without a
-- start, is read only if `started` has no run.
LEFT JOIN LATERAL (
    SELECT r.status, r.started_at
    FROM reporting.runs AS r
    WHERE r.pipeline_id = p.id
        AND coalesce(r.started_at, '-infinity'::timestamptz) >= %(since)s
        AND coalesce(r.started_at, '-infinity'::timestamptz) < %(until)s
    ORDER BY {latest_first}
    LIMIT 1
) AS started ON true
LEFT JOIN LATERAL (
    SELECT r.status
    FROM reporting.runs AS r
    WHERE started.status IS NULL
        AND r.pipeline_id = p.id
        AND coalesce(r.started_at, '-infinity'::timestamptz) = '-infinity'::timestamptz
        AND r.event_at >= %(since)s AND r.event_at < %(until)s
    ORDER BY {latest_first}
    LIMIT 1
) AS unstarted ON true
