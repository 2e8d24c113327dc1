-- Question   Q6: How much data do a client's pipelines move, and how evenly?
-- Grain      one row per client, including clients without runs; most rows first
-- Inventory  active
-- Panel      Q6-Q10 Operations & Governance: table
-- Parameters
-- Columns
--   client_name       text     Name of the client
--   runs_30d          integer  Runs in the 30 days before `as_of`
--   total_rows_30d    integer  Rows that these runs processed; runs with an unknown number do not count
--   avg_rows_per_run  numeric? Mean number of rows of the runs with a known number, to 2 places; null: no number is
--                              known
--   throughput_cv     numeric? Coefficient of variation of the rows per run: population standard deviation ÷ mean, to 4
--                              places. 0: each run processed the same number of rows; null: the mean is 0 or unknown
--   client_id         uuid     Key of the client
WITH bounds AS (
    SELECT %(as_of)s::timestamptz - interval '30 days' AS since, %(as_of)s::timestamptz AS until
),
{counted_by_client},
clients AS (
    SELECT DISTINCT p.client_id, p.client_name
    FROM reporting.pipelines AS p
    WHERE p.is_active AND {in_scope}
),
by_client AS (
    SELECT
        client_id, sum(runs) AS runs, sum(rows_total) AS total,
        sum(rows_total) / nullif(sum(rows_known), 0) AS mean,
        sum(rows_squares)::float8 / nullif(sum(rows_known), 0)::float8 AS mean_square
    FROM counted_by_client
    WHERE is_active
    GROUP BY client_id
)
SELECT
    clients.client_name,
    coalesce(c.runs, 0)::bigint AS runs_30d,
    coalesce(c.total, 0) AS total_rows_30d,
    round(c.mean, 2) AS avg_rows_per_run,
    round((sqrt(greatest(c.mean_square - c.mean::float8 * c.mean::float8, 0)) / nullif(c.mean, 0)::float8)::numeric, 4)
    AS throughput_cv,
    clients.client_id
FROM clients
LEFT JOIN by_client AS c USING (client_id)
ORDER BY total_rows_30d DESC, clients.client_name
