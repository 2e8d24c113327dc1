-- Question   How long do runs take?
-- Grain      one row per bucket that holds a run, shortest first
-- Inventory  all
-- Panel      Operations: histogram
-- Parameters since, until, max_duration_seconds, bucket_count
-- Columns
--   duration_bucket  integer  1 to bucket_count, of equal width from 0 up to max_duration_seconds; one more: longer runs
--   run_count        integer  Runs with a duration in it
SELECT
    width_bucket(r.duration_seconds, 0, %(max_duration_seconds)s::integer, %(bucket_count)s::integer)
    AS duration_bucket,
    count(*) AS run_count
FROM reporting.runs AS r
WHERE r.duration_seconds IS NOT NULL AND r.event_at >= %(since)s AND r.event_at < %(until)s
    AND {run_in_scope}
GROUP BY duration_bucket
ORDER BY duration_bucket
