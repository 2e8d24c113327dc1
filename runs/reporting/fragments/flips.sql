-- Between since and as_of, the runs of a pipeline (p) and how often success and failure follow each other.
LATERAL (
    SELECT count(*) AS total_runs, count(*) FILTER (WHERE judged AND success <> before) AS flips
    FROM (
        SELECT
            {decided} AS judged,
            r.status = 'success' AS success,
            lag(r.status = 'success') OVER (
                PARTITION BY {decided} ORDER BY r.event_at, r.run_id
            ) AS before
        FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id
            AND r.event_at >= %(since)s AND r.event_at < %(as_of)s
    ) AS ordered
)
