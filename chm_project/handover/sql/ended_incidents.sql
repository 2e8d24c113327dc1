-- Question   Which failures began in a shift, and have ended?
-- Grain      one row per group of such failures that have the same cause and began together. The group can be a part of
--            an incident that continues in other pipelines. handover/report.py removes the rows of such parts
-- Inventory  active
-- Parameters as_of, state_at: runs count with the state that they had at state_at; since, until: the shift; client_id,
--            platform, environment: null does not restrict
-- Columns    those of the shape incidents, and:
--   ended_at  When the last of the group's pipelines succeeded, or failed with another cause
--   is_vague  Whether the cause is a general text, such as "Task failed"
--
-- Decision 0028 defines which errors have the same cause, and how close in time the pipelines must begin to fail.

-- The pipelines with a failed run in the shift.
WITH failed_in_shift AS MATERIALIZED (
    SELECT p.*
    FROM reporting.pipelines AS p
    WHERE p.is_active AND {in_scope}
        AND p.pipeline_id IN (
            SELECT r.pipeline_id
            FROM reporting.runs AS r
            WHERE r.status = 'failed' AND r.event_at >= %(since)s AND r.event_at < %(until)s
        )
),
-- The decisive runs of these pipelines in the shift, and the last one before the shift.
decisive_runs AS MATERIALIZED (
    SELECT
        p.pipeline_id, p.client_id, p.client_name, p.platform, r.run_id, r.status, r.event_at, r.error_message,
        coalesce(r.started_at, '-infinity'::timestamptz) AS started_at,
        coalesce(r.finished_at, '-infinity'::timestamptz) AS finished_at,
        -- The error text with # in place of numbers, ids and names: equal for failures with the same cause.
        CASE WHEN r.status = 'failed' THEN {masked_error} END AS masked
    FROM failed_in_shift AS p
    CROSS JOIN LATERAL (
        (
            SELECT r.*
            FROM reporting.runs AS r
            WHERE r.pipeline_id = p.pipeline_id AND {decisive}
                AND r.event_at >= %(since)s AND r.event_at < %(until)s
        )
        UNION ALL
        -- If this run failed with the same cause, the incident began before the shift.
        (
            SELECT r.*
            FROM reporting.runs AS r
            WHERE r.pipeline_id = p.pipeline_id AND {decisive} AND r.event_at < %(since)s
            ORDER BY r.event_at DESC, r.run_id DESC
            LIMIT 1
        )
    ) AS r
),
-- Number the sections of each pipeline's runs. A section is one success, or all failures with the same cause that
-- follow each other. `next_at` is the time of the pipeline's next run.
with_section AS (
    SELECT
        marked.*,
        count(*) FILTER (WHERE marked.begins_section) OVER in_order AS section,
        lead(marked.event_at) OVER in_order AS next_at
    FROM (
        SELECT
            d.*,
            d.status = 'success' OR lag(d.status) OVER in_order IS DISTINCT FROM 'failed'
                OR lag(d.masked) OVER in_order <> d.masked AS begins_section
        FROM decisive_runs AS d
        WINDOW in_order AS (PARTITION BY d.pipeline_id ORDER BY d.started_at, d.finished_at, d.run_id)
    ) AS marked
    WINDOW in_order AS (PARTITION BY marked.pipeline_id ORDER BY marked.started_at, marked.finished_at, marked.run_id)
),
-- The sections of failures that began in the shift and have ended: another section follows.
ended AS (
    SELECT
        p.pipeline_id, p.client_id, p.client_name, p.platform, cause.masked, cause.is_vague, p.failing_since,
        p.failed_at, p.ended_at, p.run_id, p.error_message, {incident_key} AS incident
    FROM (
        SELECT
            c.pipeline_id, c.client_id, c.client_name, c.platform, c.masked,
            min(c.event_at) AS failing_since, max(c.event_at) AS failed_at,
            (array_agg(c.next_at ORDER BY c.started_at DESC, c.finished_at DESC, c.run_id DESC))[1] AS ended_at,
            (array_agg(c.run_id ORDER BY c.started_at DESC, c.finished_at DESC, c.run_id DESC))[1] AS run_id,
            (array_agg(c.error_message ORDER BY c.started_at DESC, c.finished_at DESC, c.run_id DESC))[1]
                AS error_message
        FROM with_section AS c
        WHERE c.status = 'failed'
        GROUP BY c.pipeline_id, c.client_id, c.client_name, c.platform, c.masked, c.section
    ) AS p
    CROSS JOIN LATERAL (SELECT cause.masked, {vague_cause} AS is_vague FROM (SELECT p.masked) AS cause) AS cause
    WHERE p.failing_since >= %(since)s AND p.ended_at IS NOT NULL
)
SELECT
    failure.incident, failure.platform, min(failure.failing_since) AS since, max(failure.failed_at) AS until,
    count(DISTINCT failure.pipeline_id) AS pipelines, count(DISTINCT failure.client_id) AS clients,
    {client_names} AS client_names,
    (array_agg(failure.error_message ORDER BY failure.failed_at DESC, failure.run_id DESC))[1] AS error_message,
    min(failure.masked) AS cause,
    (array_agg(failure.run_id ORDER BY failure.failing_since, failure.pipeline_id))[1] AS first_run_id,
    (array_agg(failure.run_id ORDER BY failure.failed_at DESC, failure.run_id DESC))[1] AS run_id,
    0 AS known, -- if a failure ends, it is no longer marked as known
    max(failure.ended_at) AS ended_at,
    bool_or(failure.is_vague) AS is_vague
FROM (
    -- Several incidents can have the same fingerprint (`incident`). `number` counts them.
    SELECT joined.*, count(*) FILTER (WHERE joined.begins_incident) OVER (
        PARTITION BY joined.incident ORDER BY joined.failing_since, joined.pipeline_id
    ) AS number
    FROM (SELECT failure.*, {begins_incident} AS begins_incident FROM ended AS failure) AS joined
) AS failure
GROUP BY failure.incident, failure.number, failure.platform
ORDER BY count(DISTINCT failure.pipeline_id) DESC, min(failure.failing_since) DESC, failure.incident, failure.number
