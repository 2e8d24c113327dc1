-- Question    How many runs of each status did each pipeline of a client have in a window, and which was its latest?
-- Grain       one row per pipeline with a run in the window, including disabled ones
-- Columns     pipeline_id, pipeline_name, platform, latest_status, latest_run_at, and one count per status
-- Parameters  client_id; since (inclusive) and until (exclusive): compared with started_at, or with event_at if
--             a run has no start
--
-- Reads two ranges of the index runs_latest per pipeline: the window, and the runs without a start, which have -infinity
-- there. So the time that it needs depends on the window and not on the length of the history.
SELECT
    p.id AS pipeline_id,
    p.name AS pipeline_name,
    p.platform,
    latest.status AS latest_status,
    latest.started_at AS latest_run_at,
    counted.running,
    counted.success,
    counted.failed,
    counted.canceled,
    counted.skipped
FROM pipelines AS p
CROSS JOIN LATERAL (
    (
        SELECT r.status, r.started_at, 1 AS place
        FROM reporting.runs AS r
        WHERE r.pipeline_id = p.id
            AND coalesce(r.started_at, '-infinity'::timestamptz) >= %(since)s
            AND coalesce(r.started_at, '-infinity'::timestamptz) < %(until)s
        ORDER BY {latest_first}
        LIMIT 1
    )
    UNION ALL
    (
        SELECT r.status, r.started_at, 2 AS place
        FROM reporting.runs AS r
        WHERE r.pipeline_id = p.id
            AND coalesce(r.started_at, '-infinity'::timestamptz) = '-infinity'::timestamptz
            AND r.event_at >= %(since)s AND r.event_at < %(until)s
        ORDER BY {latest_first}
        LIMIT 1
    )
    -- A run with a start is later than one without.
    ORDER BY place
    LIMIT 1
) AS latest
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE status = 'running') AS running,
        count(*) FILTER (WHERE status = 'success') AS success,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        count(*) FILTER (WHERE status = 'canceled') AS canceled,
        count(*) FILTER (WHERE status = 'skipped') AS skipped
    FROM (
        SELECT status
        FROM runs
        WHERE pipeline_id = p.id
            AND coalesce(started_at, '-infinity'::timestamptz) >= %(since)s
            AND coalesce(started_at, '-infinity'::timestamptz) < %(until)s
        UNION ALL
        SELECT status
        FROM runs
        WHERE pipeline_id = p.id
            AND coalesce(started_at, '-infinity'::timestamptz) = '-infinity'::timestamptz
            AND event_at >= %(since)s AND event_at < %(until)s
    ) AS in_window
) AS counted
WHERE p.client_id = %(client_id)s
ORDER BY p.name, p.id
