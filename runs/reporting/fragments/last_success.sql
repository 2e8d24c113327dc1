-- The last success of a pipeline (p).
LATERAL (
    SELECT r.run_id, r.started_at, r.finished_at, r.event_at
    FROM reporting.runs AS r
    WHERE r.pipeline_id = p.pipeline_id AND r.status = 'success' AND {settled}
    ORDER BY {latest_first}
    LIMIT 1
)
