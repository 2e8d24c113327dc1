-- Open runs of the active inventory. From `long_after` on, a run is running long: it has run for 10 minutes, and for
-- three times the median duration of its pipeline's last 20 successes. If there is no success, only the 10 minutes
-- count.
(
    SELECT
        running.run_id, p.pipeline_id, p.pipeline_name, p.client_id, p.client_name, p.platform, p.environment,
        running.started_at, usual.seconds AS usual_seconds,
        running.started_at + make_interval(secs => greatest(600, 3 * usual.seconds)) AS long_after
    -- A pipeline can have many open runs. Compute the median once for each pipeline.
    FROM (SELECT DISTINCT r.pipeline_id FROM reporting.runs AS r WHERE {open}) AS pipelines
    JOIN reporting.pipelines AS p USING (pipeline_id)
    CROSS JOIN LATERAL (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY last.duration_seconds) AS seconds
        FROM (
            SELECT r.duration_seconds
            FROM reporting.runs AS r
            WHERE r.pipeline_id = p.pipeline_id AND r.status = 'success' AND {settled}
            ORDER BY {latest_first}
            LIMIT 20
        ) AS last
    ) AS usual
    JOIN (SELECT r.run_id, r.pipeline_id, r.started_at FROM reporting.runs AS r WHERE {open}) AS running USING (pipeline_id)
    WHERE p.is_active
)
