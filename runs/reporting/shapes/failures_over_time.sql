-- Question   When did runs fail?
-- Grain      one row per bucket in which a run failed, oldest first
-- Inventory  all
-- Panel      Operations: time series
-- Parameters since, until, bucket
-- Columns
--   ts_bucket    timestamptz  Start of the bucket, UTC; a week starts on Monday
--   failed_runs  integer      Failed runs that happened in it
SELECT
    date_bin(('1 ' || %(bucket)s)::interval, r.event_at, '2001-01-01T00:00:00Z') AS ts_bucket,
    count(*) AS failed_runs
FROM reporting.runs AS r
WHERE r.status = 'failed' AND r.event_at >= %(since)s AND r.event_at < %(until)s
    AND {run_in_scope}
GROUP BY ts_bucket
ORDER BY ts_bucket
