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
    p.client_id, p.pipeline_id, changed.run_id,
    (SELECT r.source_url FROM reporting.runs AS r WHERE r.run_id = changed.run_id) AS source_url
FROM reporting.pipelines AS p
CROSS JOIN {decisive_run} AS currently
LEFT JOIN {decisive_run@since} AS formerly ON true
LEFT JOIN LATERAL (
    SELECT r.run_id, r.started_at, r.finished_at
    FROM reporting.runs AS r
    WHERE r.pipeline_id = p.pipeline_id AND {decisive} AND r.status <> currently.status
        -- Do not search a pipeline's history for a failure if there is none.
        AND (
            currently.status = 'failed'
            OR EXISTS (SELECT FROM reporting.monthly_failures AS f WHERE f.pipeline_id = p.pipeline_id AND f.failed > 0)
        )
    ORDER BY {latest_first}
    LIMIT 1
) AS former ON true
CROSS JOIN LATERAL (
    SELECT r.run_id, r.event_at
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
WHERE p.is_active AND {in_scope} AND currently.settled_at > %(since)s
    AND currently.status IS DISTINCT FROM formerly.status
ORDER BY
    array_position(ARRAY['newly_failing', 'recovered', 'first_failure', 'first_success'], change.name),
    changed.event_at DESC, p.client_name, p.pipeline_name, p.pipeline_id
