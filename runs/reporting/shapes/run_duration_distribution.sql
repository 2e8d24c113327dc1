-- Question   How long do runs take?
-- Grain      one row per bucket with a run, shortest first
-- Inventory  all
-- Panel      Operations: histogram
-- Parameters since, until, max_duration_seconds, bucket_count
-- Columns
--   duration_bucket  integer  Number of the bucket. Buckets 1 to `bucket_count` have the same width and end at
--                             `max_duration_seconds`, exclusive; `bucket_count` + 1 has all other runs
--   run_count        integer  Number of runs with a duration in this bucket
WITH bounds AS (SELECT %(since)s::timestamptz AS since, %(until)s::timestamptz AS until),
{whole_days},
unit AS (
    -- The roll-up counts the runs of all pipelines together, by whole minutes. The query can use these counts only if
    -- the width of a bucket is a whole number of minutes.
    SELECT
        {unscoped} AND mod(%(max_duration_seconds)s::bigint, 60 * %(bucket_count)s::bigint) = 0 AS by_minutes
),
durations AS (
    SELECT m.minutes * 60 AS seconds, m.runs
    FROM reporting.daily_duration_minutes AS m
    WHERE (SELECT by_minutes FROM unit)
        AND m.day >= (SELECT first_day FROM whole) AND m.day < (SELECT last_day FROM whole)
    UNION ALL
    SELECT r.duration_seconds, 1
    FROM (
        SELECT begins, ends FROM partial_days WHERE (SELECT by_minutes FROM unit)
        UNION ALL
        SELECT since, until FROM bounds WHERE NOT (SELECT by_minutes FROM unit)
    ) AS pieces
    JOIN reporting.runs AS r ON r.event_at >= pieces.begins AND r.event_at < pieces.ends
    WHERE r.duration_seconds IS NOT NULL AND {run_in_scope}
)
SELECT
    width_bucket(seconds, 0, %(max_duration_seconds)s::integer, %(bucket_count)s::integer) AS duration_bucket,
    sum(runs) AS run_count
FROM durations
GROUP BY duration_bucket
HAVING sum(runs) > 0
ORDER BY duration_bucket
