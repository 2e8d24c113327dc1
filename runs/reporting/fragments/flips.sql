-- The number of runs of a pipeline (p) between since and as_of, and of changes between success and failure among them.
LATERAL (
    SELECT count(*) AS total_runs, count(*) FILTER (WHERE is_decided AND success <> former_success) AS flips
    FROM (
        SELECT
            {decided} AS is_decided,
            r.status = 'success' AS success,
            lag(r.status = 'success') OVER (
                PARTITION BY {decided} ORDER BY r.event_at, r.run_id
            ) AS former_success
        FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id
            AND r.event_at >= %(since)s AND r.event_at < %(as_of)s
    ) AS ordered
)
