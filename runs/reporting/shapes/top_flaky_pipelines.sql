-- Question   Which pipelines are flaky over time?
-- Grain      one row per pipeline with a failure between `since` and `as_of`; most failures first; on boards, most flips first
-- Inventory  active
-- Panel      Operations: table; Q6-Q10 Operations & Governance: table
-- Parameters since = 30 days before as_of, limit = 20, order
-- Columns
--   client_name    text     Name of the client
--   pipeline_name  text     Name of the pipeline
--   platform       text     Kind of orchestrator
--   failure_count  integer  Failed runs
--   total_runs     integer  All runs
--   failure_rate   numeric  Failed ÷ all runs, to 4 places
--   flips          integer  Changes between success and failed, from one decisive run to the next
--   kind           text     flaky: at least 2 flips; broken: no flip, and the pipeline is failing; rare: all others
--   client_id      uuid     Key of the client
--   pipeline_id    uuid     Key of the pipeline
--
-- A pipeline that fails every time has many failures and few flips. To find pipelines that change between success and
-- failure, order by flips.
--
-- For the order by failures, the query counts runs only for the pipelines with the most failures, including ties. For
-- the order by flips, it also counts the runs of pipelines that can have enough flips to be listed. A failure is part
-- of at most two flips. So a pipeline with 5 failures has at most 10 flips.
WITH months AS (
    -- The whole UTC months of the window, from `begins` until `ends`. If there is no whole month, the two are equal.
    SELECT begins, greatest(begins, date_trunc('month', %(as_of)s::timestamptz AT TIME ZONE 'UTC')) AS ends
    FROM (
        SELECT
            date_trunc('month', (%(since)s::timestamptz AT TIME ZONE 'UTC') + interval '1 month' - interval '1 microsecond')
                AS begins
    ) AS first_month
),
failure_counts AS (
    -- The failures of whole months come from the roll-up. The other failures are counted one by one.
    SELECT counted.pipeline_id, sum(counted.failed) AS failure_count
    FROM (
        SELECT f.pipeline_id, f.failed
        FROM reporting.monthly_failures AS f
        WHERE f.month >= (SELECT begins::date FROM months) AND f.month < (SELECT ends::date FROM months)
        UNION ALL
        SELECT r.pipeline_id, 1
        FROM reporting.runs AS r
        WHERE r.status = 'failed' AND r.event_at >= %(since)s
            AND r.event_at < (SELECT least(begins AT TIME ZONE 'UTC', %(as_of)s) FROM months)
        UNION ALL
        SELECT r.pipeline_id, 1
        FROM reporting.runs AS r
        WHERE r.status = 'failed' AND r.event_at >= (SELECT ends AT TIME ZONE 'UTC' FROM months)
            AND r.event_at < %(as_of)s
    ) AS counted
    GROUP BY counted.pipeline_id
    HAVING sum(counted.failed) > 0
),
pipelines_with_failures AS MATERIALIZED (
    SELECT p.pipeline_id, p.client_id, p.client_name, p.pipeline_name, p.platform, c.failure_count
    FROM failure_counts AS c
    JOIN reporting.pipelines AS p USING (pipeline_id)
    WHERE p.is_active AND {in_scope}
),
most_failures AS MATERIALIZED (
    SELECT * FROM pipelines_with_failures ORDER BY failure_count DESC FETCH FIRST %(limit)s ROWS WITH TIES
),
first_counted AS MATERIALIZED (
    SELECT p.*, counted.* FROM most_failures AS p CROSS JOIN {flips} AS counted
),
others_counted AS (
    SELECT p.*, counted.*
    FROM pipelines_with_failures AS p
    CROSS JOIN {flips} AS counted
    WHERE %(order)s = 'flips'
        AND p.pipeline_id NOT IN (SELECT pipeline_id FROM most_failures)
        AND 2 * p.failure_count >= (
            SELECT min(flips) FROM (SELECT flips FROM first_counted ORDER BY flips DESC LIMIT %(limit)s) AS least_shown
        )
)
SELECT
    p.client_name, p.pipeline_name, p.platform, p.failure_count, p.total_runs,
    round(p.failure_count::numeric / p.total_runs, 4) AS failure_rate,
    p.flips,
    CASE
        WHEN p.flips >= 2 THEN 'flaky'
        WHEN p.flips = 0 AND verdict.status = 'failed' THEN 'broken'
        ELSE 'rare'
    END AS kind,
    p.client_id, p.pipeline_id
FROM (SELECT * FROM first_counted UNION ALL SELECT * FROM others_counted) AS p
LEFT JOIN {decisive_run} AS verdict ON true
ORDER BY
    CASE WHEN %(order)s = 'flips' THEN p.flips END DESC,
    p.failure_count DESC, p.failure_count::numeric / p.total_runs DESC, p.total_runs DESC, p.client_name,
    p.pipeline_name, p.pipeline_id
LIMIT %(limit)s
