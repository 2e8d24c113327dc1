-- Question    In which spans of a window was a pipeline failing?
-- Grain       one row per failed run that was at some time its pipeline's latest decisive run, over active inventory
-- Columns     failed_at: when the run became decisive; until: when a later run became decisive, null if none within the window
-- Parameters  pipeline_id or client_id, since, until
--
-- Only pipelines with a failure are read. The query sorts the run that was decisive at the start of the window and the runs
-- that settle in the window. A run does not count if a later run settled before it.
WITH watched AS MATERIALIZED (
    SELECT p.pipeline_id, former.run_id AS former_id, former.status = 'failed' AS was_failing
    FROM reporting.pipelines AS p
    LEFT JOIN {decisive_run@since} AS former ON true
    WHERE p.is_active AND (p.pipeline_id = %(pipeline_id)s::uuid OR p.client_id = %(client_id)s::uuid)
),
failing AS MATERIALIZED (
    SELECT pipeline_id, former_id
    FROM watched
    WHERE was_failing
        OR pipeline_id IN (
            SELECT r.pipeline_id
            FROM reporting.runs AS r
            WHERE r.status = 'failed' AND r.event_at > %(since)s AND r.event_at <= %(until)s
        )
        -- A run with an end before its start settles at its start.
        OR EXISTS (
            SELECT FROM reporting.runs AS r
            WHERE r.pipeline_id = watched.pipeline_id AND r.status = 'failed'
                AND coalesce(r.started_at, '-infinity'::timestamptz) > %(since)s
                AND coalesce(r.started_at, '-infinity'::timestamptz) <= %(until)s
        )
),
decided AS (
    SELECT r.pipeline_id, r.run_id, r.status, r.started_at, r.finished_at, {settled_at} AS settled_at
    FROM failing
    JOIN reporting.runs AS r ON r.run_id = failing.former_id
    UNION ALL
    SELECT r.pipeline_id, r.run_id, r.status, r.started_at, r.finished_at, {settled_at} AS settled_at
    FROM failing
    JOIN reporting.runs AS r USING (pipeline_id)
    WHERE {decisive@until}
        AND (r.event_at > %(since)s OR coalesce(r.started_at, '-infinity'::timestamptz) > %(since)s)
),
placed AS (
    SELECT
        r.pipeline_id, r.status, r.settled_at,
        row_number() OVER (PARTITION BY r.pipeline_id ORDER BY {earliest_first}) AS place
    FROM decided AS r
),
with_latest_before AS (
    SELECT
        placed.*,
        max(place) OVER (
            PARTITION BY pipeline_id ORDER BY settled_at, place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS latest_before
    FROM placed
),
verdicts AS (
    SELECT
        status, settled_at AS failed_at,
        lead(settled_at) OVER (PARTITION BY pipeline_id ORDER BY settled_at, place) AS until
    FROM with_latest_before
    WHERE place > coalesce(latest_before, 0)
)
SELECT failed_at, until FROM verdicts WHERE status = 'failed'
