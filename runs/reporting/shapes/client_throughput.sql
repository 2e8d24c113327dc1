-- Question   Q6: How much data do a client's pipelines move, and how evenly?
-- Grain      one row per client, also without runs, most rows first
-- Inventory  active
-- Panel      Q6-Q10 Operations & Governance: table
-- Parameters
-- Columns
--   client_name       text     Name of the client
--   runs_30d          integer  Runs in the 30 days before as_of
--   total_rows_30d    integer  Rows that they handled, where known
--   avg_rows_per_run  numeric? Per run whose rows are known, to 2 places
--   throughput_cv     numeric? Population deviation ÷ mean of the rows per run, to 4 places; null where the mean is 0
--   client_id         uuid     Key of the client
WITH counted AS (
    SELECT
        pipeline_id, count(*) AS runs, count(rows_processed) AS known, sum(rows_processed) AS total,
        sum(rows_processed::float8 * rows_processed) AS squares
    FROM reporting.runs
    WHERE event_at >= %(as_of)s::timestamptz - interval '30 days' AND event_at < %(as_of)s
    GROUP BY pipeline_id
),
by_client AS (
    SELECT
        p.client_id, p.client_name, coalesce(sum(c.runs), 0)::bigint AS runs_30d, coalesce(sum(c.total), 0) AS total_rows_30d,
        sum(c.total) / nullif(sum(c.known), 0) AS mean, sum(c.squares) / nullif(sum(c.known), 0)::float8 AS mean_square
    FROM reporting.pipelines AS p
    LEFT JOIN counted AS c USING (pipeline_id)
    WHERE p.is_active AND {in_scope}
    GROUP BY p.client_id, p.client_name
)
SELECT
    client_name, runs_30d, total_rows_30d,
    round(mean, 2) AS avg_rows_per_run,
    round((sqrt(greatest(mean_square - mean::float8 * mean::float8, 0)) / nullif(mean, 0)::float8)::numeric, 4)
    AS throughput_cv,
    client_id
FROM by_client
ORDER BY total_rows_30d DESC, client_name
