-- Question   Q3: What changed since yesterday?
-- Grain      one row per pipeline whose latest decisive status changed; newly failing first, then recovered, then first runs
-- Inventory  active
-- Panel      Q1-Q5 Business Monitoring: table
-- View       changes_since_yesterday
-- Parameters since = 24 hours before as_of
-- Columns
--   client_name    text         Name of the client
--   pipeline_name  text         Name of the pipeline
--   platform       text         Kind of orchestrator
--   status_then    text?        Latest decisive status at `since`; null: no run had succeeded or failed until then
--   status_now     text         Latest decisive status at `as_of`
--   changed_at     timestamptz  When the first run of the current status happened
--   change         text         `newly_failing`, `recovered`, `first_failure` or `first_success`
--   client_id      uuid         Key of the client
--   pipeline_id    uuid         Key of the pipeline
--   run_id         uuid         Key of the first run of the current status
--   source_url     text?        Page of that run at the source; null: unknown
--
-- A run is decisive if it succeeded or failed. Both statuses are computed from the runs as they are stored now.
SELECT
    p.client_name, p.pipeline_name, p.platform,
    formerly.status AS status_then,
    currently.status AS status_now,
    changed.event_at AS changed_at,
    change.name AS change,
    p.client_id, p.pipeline_id, changed.run_id, changed.source_url
FROM (
    SELECT p.pipeline_id, p.pipeline_name, p.platform, p.client_id, p.client_name
    FROM reporting.pipelines AS p
    WHERE p.is_active AND {in_scope}
    -- The same order as in the index runs_latest, so that searches in this index find more of its pages in the cache.
    ORDER BY p.pipeline_id
) AS p
CROSS JOIN {decisive_run} AS currently
LEFT JOIN LATERAL (
    SELECT r.status
    FROM reporting.runs AS r
    -- decisive@since is the fragment decisive with `since` in place of state_at.
    WHERE r.pipeline_id = p.pipeline_id AND {decisive@since}
        -- If all runs happened after `since`, do not search the runs of each pipeline.
        AND (SELECT min(r.event_at) FROM reporting.runs AS r) <= %(since)s
    ORDER BY {latest_first}
    LIMIT 1
) AS formerly ON true
-- The last run of the other status. There is one subquery for each status, so that PostgreSQL finds the last failure in
-- the small index runs_failed_by_pipeline. The last success needs no such index, because a failing pipeline usually has
-- few runs after its last success.
LEFT JOIN LATERAL (
    SELECT r.run_id, r.started_at, r.finished_at
    FROM reporting.runs AS r
    WHERE r.pipeline_id = p.pipeline_id AND r.status = 'failed' AND {settled} AND currently.status = 'success'
    ORDER BY {latest_first}
    LIMIT 1
) AS failure ON true
LEFT JOIN LATERAL (
    SELECT r.run_id, r.started_at, r.finished_at
    FROM reporting.runs AS r
    WHERE r.pipeline_id = p.pipeline_id AND r.status = 'success' AND {settled} AND currently.status = 'failed'
    ORDER BY {latest_first}
    LIMIT 1
) AS success ON true
CROSS JOIN LATERAL (
    SELECT
        coalesce(failure.run_id, success.run_id) AS run_id, coalesce(failure.started_at, success.started_at) AS started_at,
        coalesce(failure.finished_at, success.finished_at) AS finished_at
) AS former
CROSS JOIN LATERAL (
    SELECT r.run_id, r.event_at, r.source_url
    FROM reporting.runs AS r
    WHERE r.pipeline_id = p.pipeline_id AND {decisive} AND r.status = currently.status AND {later_than_former}
    ORDER BY {earliest_first}
    LIMIT 1
) AS changed
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN formerly.status IS NULL THEN 'first_' || CASE currently.status WHEN 'failed' THEN 'failure' ELSE 'success' END
            WHEN currently.status = 'failed' THEN 'newly_failing'
            ELSE 'recovered'
        END AS name
) AS change
-- The condition on settled_at only saves time. If the current status is older than `since`, it has not changed. So
-- PostgreSQL need not look for the former run.
WHERE currently.settled_at > %(since)s AND currently.status IS DISTINCT FROM formerly.status
ORDER BY
    array_position(ARRAY['newly_failing', 'recovered', 'first_failure', 'first_success'], change.name),
    changed.event_at DESC, p.client_name, p.pipeline_name, p.pipeline_id
