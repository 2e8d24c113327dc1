-- Question    When were the pipelines of a scope failing in a window?
-- Grain       one row per failed run that was the latest decisive run of its active pipeline for some time
-- Columns     failed_at: when the run became the latest; until: when a later run replaced it, or when the failure became
--             known; null: neither happened in the window
-- Parameters  pipeline_id or client_id, since, until; known_pipeline_ids and known_since: the pipelines whose failure is
--             known, and since when
--
-- For each pipeline with a failure, this reads its latest decisive run at the start of the window, and the runs
-- that settle in the window. A run settles at its start or its event_at, whichever is later. Runs are numbered from the
-- earliest start to the latest. A run is ignored if a run with a higher number settled before it. Example: run 1 starts
-- at 9:00 and ends at 11:00, run 2 starts at 10:00 and ends at 10:30. When run 1 settles, run 2 is the latest, so run 1
-- is ignored.
WITH watched AS MATERIALIZED (
    SELECT p.pipeline_id, at_start.run_id AS run_id_at_start, at_start.status = 'failed' AS was_failing
    FROM reporting.pipelines AS p
    LEFT JOIN {decisive_run@since} AS at_start ON true
    WHERE p.is_active AND (p.pipeline_id = %(pipeline_id)s::uuid OR p.client_id = %(client_id)s::uuid)
),
with_failures AS MATERIALIZED (
    SELECT pipeline_id, run_id_at_start
    FROM watched
    WHERE was_failing
        OR pipeline_id IN (
            SELECT r.pipeline_id
            FROM reporting.runs AS r
            WHERE r.status = 'failed' AND r.event_at > %(since)s AND r.event_at <= %(until)s
        )
        -- A source can report an end before the start. Such a run settles at its start.
        OR EXISTS (
            SELECT FROM reporting.runs AS r
            WHERE r.pipeline_id = watched.pipeline_id AND r.status = 'failed'
                AND coalesce(r.started_at, '-infinity'::timestamptz) > %(since)s
                AND coalesce(r.started_at, '-infinity'::timestamptz) <= %(until)s
        )
),
decisive_runs AS (
    SELECT r.pipeline_id, r.run_id, r.status, r.started_at, r.finished_at, {settled_at} AS settled_at
    FROM with_failures
    JOIN reporting.runs AS r ON r.run_id = with_failures.run_id_at_start
    UNION ALL
    SELECT r.pipeline_id, r.run_id, r.status, r.started_at, r.finished_at, {settled_at} AS settled_at
    FROM with_failures
    JOIN reporting.runs AS r USING (pipeline_id)
    WHERE {decisive@until}
        AND (r.event_at > %(since)s OR coalesce(r.started_at, '-infinity'::timestamptz) > %(since)s)
),
numbered AS (
    SELECT
        r.pipeline_id, r.status, r.settled_at,
        row_number() OVER (PARTITION BY r.pipeline_id ORDER BY {earliest_first}) AS run_number
    FROM decisive_runs AS r
),
with_highest_number_before AS (
    SELECT
        numbered.*,
        max(run_number) OVER (
            PARTITION BY pipeline_id ORDER BY settled_at, run_number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS highest_number_before
    FROM numbered
),
latest_runs AS (
    SELECT
        pipeline_id, status, settled_at,
        lead(settled_at) OVER (PARTITION BY pipeline_id ORDER BY settled_at, run_number) AS until
    FROM with_highest_number_before
    WHERE run_number > coalesce(highest_number_before, 0)
)
SELECT latest.settled_at AS failed_at, least(latest.until, known.since) AS until
FROM latest_runs AS latest
LEFT JOIN unnest(%(known_pipeline_ids)s::uuid[], %(known_since)s::timestamptz[]) AS known (pipeline_id, since)
    USING (pipeline_id)
WHERE latest.status = 'failed' AND (known.since IS NULL OR known.since > latest.settled_at)
