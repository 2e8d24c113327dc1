-- Question   Which pipelines are flaky over time?
-- Grain      one row per pipeline with a failure in the 30 days before as_of, most failures first
-- Inventory  active
-- Panel      Operations: table; Q6-Q10 Operations & Governance: table
-- Parameters limit = 20
-- Columns
--   client_name    text     Name of the client
--   pipeline_name  text     Name of the pipeline
--   platform       text     Kind of orchestrator
--   failure_count  integer  Failed runs
--   total_runs     integer  All runs
--   failure_rate   numeric  Failed ÷ all runs, to 4 places
--   flips          integer  Changes between success and failed, from one such run to the next
--
-- The few failed runs decide who is shown; only for these, and for those that tie with the last of them, all runs are
-- counted, in their order.
WITH failures AS (
    SELECT r.pipeline_id, p.client_name, p.pipeline_name, p.platform, count(*) AS failure_count
    FROM reporting.runs AS r
    JOIN reporting.pipelines AS p USING (pipeline_id)
    WHERE r.status = 'failed'
        AND r.event_at >= %(as_of)s::timestamptz - interval '30 days' AND r.event_at < %(as_of)s
        AND p.is_active AND {in_scope}
    GROUP BY r.pipeline_id, p.client_name, p.pipeline_name, p.platform
    ORDER BY failure_count DESC
    FETCH FIRST %(limit)s ROWS WITH TIES
)
SELECT
    f.client_name, f.pipeline_name, f.platform, f.failure_count, counted.total_runs,
    round(f.failure_count::numeric / counted.total_runs, 4) AS failure_rate,
    counted.flips
FROM failures AS f
CROSS JOIN LATERAL (
    SELECT count(*) AS total_runs, count(*) FILTER (WHERE judged AND success <> former) AS flips
    FROM (
        SELECT
            status IN ('success', 'failed') AS judged,
            status = 'success' AS success,
            lag(status = 'success') OVER (PARTITION BY status IN ('success', 'failed') ORDER BY event_at, run_id)
            AS former
        FROM reporting.runs AS r
        WHERE r.pipeline_id = f.pipeline_id
            AND r.event_at >= %(as_of)s::timestamptz - interval '30 days' AND r.event_at < %(as_of)s
    ) AS ordered
) AS counted
ORDER BY
    f.failure_count DESC, f.failure_count::numeric / counted.total_runs DESC, counted.total_runs DESC, f.client_name,
    f.pipeline_name, f.pipeline_id
LIMIT %(limit)s
