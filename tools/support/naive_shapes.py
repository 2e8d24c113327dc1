"""The textbook forms of the six dashboard shapes: join everything, rank all runs.

Parameters: as_of, week and month (the starts of the windows), limit.
"""

JOINED = "FROM runs r JOIN pipelines p ON p.id = r.pipeline_id JOIN clients c ON c.id = p.client_id"
NAIVE = {
    "failures_over_time": f"""
        SELECT date_trunc('hour', r.event_at, 'UTC'), count(*) {JOINED}
        WHERE r.status = 'failed' AND r.event_at >= %(week)s AND r.event_at < %(as_of)s GROUP BY 1 ORDER BY 1""",
    "latest_status_by_pipeline": """
        SELECT c.name, p.name, p.platform, r.status,
            coalesce(r.started_at, r.finished_at, CASE WHEN r.id IS NOT NULL THEN r.created_at END),
            CASE WHEN p.ingest_due_at < %(as_of)s THEN p.ingest_due_at END
        FROM pipelines p JOIN clients c ON c.id = p.client_id
        LEFT JOIN (
            SELECT *, row_number() OVER (
                PARTITION BY pipeline_id
                ORDER BY started_at DESC NULLS LAST, finished_at DESC NULLS LAST, id DESC
            ) AS place FROM runs
        ) r ON r.pipeline_id = p.id AND r.place = 1
        WHERE p.is_active AND c.is_active ORDER BY c.name, p.name, p.id""",
    "failure_counts_by_client": """
        SELECT c.id, c.name,
            count(r.id) FILTER (WHERE r.event_at >= %(as_of)s::timestamptz - interval '24 hours'),
            count(r.id)
        FROM clients c LEFT JOIN pipelines p ON p.client_id = c.id
        LEFT JOIN runs r ON r.pipeline_id = p.id AND r.status = 'failed' AND r.event_at >= %(week)s
            AND r.event_at < %(as_of)s
        GROUP BY c.id, c.name ORDER BY 3 DESC, 4 DESC, 2""",
    "top_flaky_pipelines": f"""
        WITH recent AS (
            SELECT c.name AS client, p.name AS pipeline, p.id, p.platform, r.status, r.event_at, r.id AS run_id {JOINED}
            WHERE r.event_at >= %(month)s AND r.event_at < %(as_of)s AND p.is_active AND c.is_active
        ), turns AS (
            SELECT id, status, lag(status) OVER (PARTITION BY id ORDER BY event_at, run_id) AS former
            FROM recent WHERE status IN ('success', 'failed')
        )
        SELECT client, pipeline, platform, count(*) FILTER (WHERE status = 'failed'), count(*),
            round(count(*) FILTER (WHERE status = 'failed') / count(*)::numeric, 4),
            (SELECT count(*) FROM turns t WHERE t.id = recent.id AND t.status <> t.former)
        FROM recent GROUP BY id, client, pipeline, platform HAVING count(*) FILTER (WHERE status = 'failed') > 0
        ORDER BY 4 DESC, count(*) FILTER (WHERE status = 'failed') / count(*)::numeric DESC, 5 DESC, 1, 2, id
        LIMIT %(limit)s""",
    "failure_rate_by_platform": f"""
        SELECT p.platform, count(*) FILTER (WHERE r.status = 'failed'), count(*),
            round(count(*) FILTER (WHERE r.status = 'failed') / count(*)::numeric, 4) {JOINED}
        WHERE r.event_at >= %(week)s AND r.event_at < %(as_of)s GROUP BY 1
        ORDER BY count(*) FILTER (WHERE r.status = 'failed') / count(*)::numeric DESC, 2 DESC, 1""",
    "run_duration_distribution": f"""
        SELECT width_bucket(r.duration_seconds, 0, 3600, 20), count(*) {JOINED}
        WHERE r.duration_seconds IS NOT NULL AND r.event_at >= %(week)s AND r.event_at < %(as_of)s
        GROUP BY 1 ORDER BY 1""",
}
