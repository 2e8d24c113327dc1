-- The latest decisive run of a pipeline (p). Its status decides whether the pipeline is failing.
LATERAL (
    SELECT r.run_id, r.status, r.started_at, r.finished_at, r.event_at, {settled_at} AS settled_at
    FROM reporting.runs AS r
    WHERE r.pipeline_id = p.pipeline_id AND {decisive}
    ORDER BY {latest_first}
    LIMIT 1
)
