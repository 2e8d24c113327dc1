"""Simple SQL queries for the questions of some shapes.

Tests compare their rows with those of the shapes, and benchmarks compare the durations. The parameters are `as_of`,
`limit`, and `week` and `month`, the starts of two windows that end at `as_of`.
"""

JOINED = "FROM runs r JOIN pipelines p ON p.id = r.pipeline_id JOIN clients c ON c.id = p.client_id"
# The decisive runs at {moment} of the active pipelines. `place` is 1 for the latest decisive run of a pipeline.
DECISIVE = """
    decisive AS (
        SELECT r.*, row_number() OVER (
            PARTITION BY pipeline_id ORDER BY started_at DESC NULLS LAST, finished_at DESC NULLS LAST, r.id DESC
        ) AS place
        FROM runs r JOIN pipelines p ON p.id = r.pipeline_id JOIN clients c ON c.id = p.client_id
        WHERE status IN ('success', 'failed') AND greatest(started_at, event_at) <= {moment}
            AND p.is_active AND c.is_active
    )"""
SIMPLE_QUERIES = {
    "failures_over_time": f"""
        SELECT date_trunc('hour', r.event_at, 'UTC'), count(*) {JOINED}
        WHERE r.status = 'failed' AND r.event_at >= %(week)s AND r.event_at < %(as_of)s GROUP BY 1 ORDER BY 1""",
    "latest_status_by_pipeline": """
        SELECT c.name, p.name, p.platform,
            CASE WHEN r.event_at > %(as_of)s THEN 'running' ELSE r.status END,
            coalesce(r.started_at, r.finished_at, CASE WHEN r.id IS NOT NULL THEN r.created_at END),
            CASE WHEN p.ingest_due_at < %(as_of)s THEN p.ingest_due_at END, c.id, p.id, r.id,
            replace(p.source_url_template, '{run_id}', r.external_run_id)
        FROM pipelines p JOIN clients c ON c.id = p.client_id
        LEFT JOIN (
            SELECT *, row_number() OVER (
                PARTITION BY pipeline_id
                ORDER BY started_at DESC NULLS LAST, finished_at DESC NULLS LAST, id DESC
            ) AS place FROM runs WHERE coalesce(started_at, event_at) <= %(as_of)s
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
            SELECT c.id AS client_id, c.name AS client, p.name AS pipeline, p.id, p.platform,
                r.status, r.event_at, r.id AS run_id {JOINED}
            WHERE r.event_at >= %(month)s AND r.event_at < %(as_of)s AND p.is_active AND c.is_active
        ), decisive AS (
            SELECT id, status, lag(status) OVER (PARTITION BY id ORDER BY event_at, run_id) AS former
            FROM recent WHERE status IN ('success', 'failed')
        )
        SELECT client, pipeline, platform, count(*) FILTER (WHERE status = 'failed'), count(*),
            round(count(*) FILTER (WHERE status = 'failed') / count(*)::numeric, 4),
            (SELECT count(*) FROM decisive d WHERE d.id = recent.id AND d.status <> d.former) AS flips, NULL, client_id,
            id
        FROM recent GROUP BY id, client_id, client, pipeline, platform
        HAVING count(*) FILTER (WHERE status = 'failed') > 0
        ORDER BY 4 DESC, count(*) FILTER (WHERE status = 'failed') / count(*)::numeric DESC, 5 DESC, 1, 2, id
        LIMIT %(limit)s""",
    "daily_success": f"""
        SELECT (r.event_at AT TIME ZONE 'UTC')::date, count(*), count(*) FILTER (WHERE r.status = 'success'),
            count(*) FILTER (WHERE r.status = 'failed'),
            round(count(*) FILTER (WHERE r.status = 'success') / count(*)::numeric, 4) {JOINED}
        WHERE r.event_at >= %(week)s AND r.event_at < %(as_of)s GROUP BY 1 ORDER BY 1""",
    "failure_streaks": f"""
        WITH decisive AS (
            SELECT r.*, c.name AS client, c.id AS client_id, p.name AS pipeline, p.platform,
                p.is_active AND c.is_active AS active,
                count(*) FILTER (WHERE r.status = 'success') OVER (
                    PARTITION BY r.pipeline_id ORDER BY r.event_at, r.id
                ) AS successes {JOINED}
            WHERE r.status IN ('success', 'failed') AND r.event_at < %(as_of)s
        ), streaks AS (
            SELECT f.*, row_number() OVER streak AS place,
                count(*) OVER (PARTITION BY pipeline_id, successes) AS failed,
                (SELECT min(s.event_at) FROM decisive s WHERE s.pipeline_id = f.pipeline_id AND s.status = 'success'
                    AND s.successes = f.successes + 1) AS recovered
            FROM decisive f WHERE status = 'failed'
            WINDOW streak AS (PARTITION BY pipeline_id, successes ORDER BY event_at, id)
        )
        SELECT client, pipeline, platform, event_at, recovered, failed, error_message, client_id, pipeline_id, id
        FROM streaks
        WHERE place = 1 AND (event_at >= %(week)s OR active AND coalesce(recovered, 'infinity') >= %(week)s)
        ORDER BY event_at DESC, client, pipeline, id""",
    "failure_rate_by_platform": f"""
        SELECT p.platform, count(*) FILTER (WHERE r.status = 'failed'), count(*),
            round(count(*) FILTER (WHERE r.status = 'failed') / count(*)::numeric, 4) {JOINED}
        WHERE r.event_at >= %(week)s AND r.event_at < %(as_of)s GROUP BY 1
        ORDER BY count(*) FILTER (WHERE r.status = 'failed') / count(*)::numeric DESC, 2 DESC, 1""",
    "run_duration_distribution": f"""
        SELECT width_bucket(r.duration_seconds, 0, 3600, 20), count(*) {JOINED}
        WHERE r.duration_seconds IS NOT NULL AND r.event_at >= %(week)s AND r.event_at < %(as_of)s
        GROUP BY 1 ORDER BY 1""",
    "failing_now": f"""
        WITH {DECISIVE.format(moment="%(as_of)s")}, streak AS (
            SELECT d.* FROM decisive d WHERE d.status = 'failed' AND d.place < coalesce(
                (SELECT min(s.place) FROM decisive s WHERE s.pipeline_id = d.pipeline_id AND s.status = 'success'),
                1000000
            )
        ), started AS (
            SELECT *, CASE WHEN event_at > %(as_of)s THEN 'running' ELSE status END AS status_then, row_number() OVER (
                PARTITION BY pipeline_id
                ORDER BY started_at DESC NULLS LAST, finished_at DESC NULLS LAST, id DESC
            ) AS place
            FROM runs WHERE coalesce(started_at, event_at) <= %(as_of)s
        )
        SELECT c.name, p.name, p.platform, p.environment, min(s.event_at), count(*),
            (SELECT event_at FROM decisive d WHERE d.pipeline_id = p.id AND d.status = 'success'
                ORDER BY place LIMIT 1),
            (SELECT error_message FROM decisive d WHERE d.pipeline_id = p.id AND place = 1),
            (SELECT x.status_then FROM started x WHERE x.pipeline_id = p.id AND place = 1),
            EXISTS (SELECT FROM started x WHERE x.pipeline_id = p.id AND x.status_then = 'running'),
            c.id, p.id, (SELECT d.id FROM decisive d WHERE d.pipeline_id = p.id AND place = 1),
            (SELECT replace(p.source_url_template, '{{run_id}}', d.external_run_id) FROM decisive d
                WHERE d.pipeline_id = p.id AND place = 1)
        FROM streak s JOIN pipelines p ON p.id = s.pipeline_id JOIN clients c ON c.id = p.client_id
        GROUP BY c.id, p.id ORDER BY 5, 1, 2, p.id""",
    "changes_since_yesterday": f"""
        WITH {DECISIVE.format(moment="%(as_of)s")},
            {DECISIVE.replace("decisive", "before").format(moment="%(as_of)s::timestamptz - interval '24 hours'")},
        changed AS (
            SELECT c.name AS client, p.name AS pipeline, p.platform, b.status AS status_then, d.status AS status_now,
                c.id AS client_id, p.id, (
                    SELECT max(x.place) FROM decisive x WHERE x.pipeline_id = p.id AND x.place < coalesce(
                        (SELECT min(y.place) FROM decisive y WHERE y.pipeline_id = p.id AND y.status <> d.status),
                        1000000
                    )
                ) AS first_place
            FROM decisive d JOIN pipelines p ON p.id = d.pipeline_id JOIN clients c ON c.id = p.client_id
            LEFT JOIN before b ON b.pipeline_id = p.id AND b.place = 1
            WHERE d.place = 1 AND d.status IS DISTINCT FROM b.status
        )
        SELECT client, pipeline, platform, status_then, status_now, x.event_at, change, client_id, changed.id, x.id, (
                SELECT replace(p.source_url_template, '{{run_id}}', x.external_run_id)
                FROM pipelines p WHERE p.id = changed.id
            )
        FROM changed JOIN decisive x ON x.pipeline_id = changed.id AND x.place = changed.first_place
        CROSS JOIN LATERAL (
            SELECT CASE
                WHEN status_then IS NULL AND status_now = 'failed' THEN 'first_failure'
                WHEN status_then IS NULL THEN 'first_success'
                WHEN status_now = 'failed' THEN 'newly_failing' ELSE 'recovered' END AS change
        ) named
        ORDER BY CASE change WHEN 'newly_failing' THEN 1 WHEN 'recovered' THEN 2 WHEN 'first_failure' THEN 3 ELSE 4 END,
            x.event_at DESC, client, pipeline, changed.id""",
}
