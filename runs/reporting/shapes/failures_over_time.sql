-- Question   When did runs fail?
-- Grain      one row per bucket in which a run failed, oldest first
-- Inventory  all
-- Panel      Operations: time series
-- Parameters since, until, bucket
-- Columns
--   ts_bucket    timestamptz  Start of the bucket, UTC; a week starts on Monday
--   failed_runs  integer      Failed runs in this bucket
WITH bounds AS (
    -- Whole hours from hours_begin to hours_end (exclusive) are read from the counts by hour. Without whole hours, both
    -- are equal.
    SELECT
        since, until, hours_begin, greatest(hours_begin, hours_end) AS hours_end
    FROM (
        SELECT
            since, until,
            CASE WHEN by_hours THEN date_bin('1 hour', since + interval '1 hour' - interval '1 microsecond', '2001-01-01Z')
                ELSE until END AS hours_begin,
            CASE WHEN by_hours THEN date_bin('1 hour', until, '2001-01-01Z') ELSE until END AS hours_end
        FROM (
            SELECT
                %(since)s::timestamptz AS since, %(until)s::timestamptz AS until,
                -- reporting.hourly_failures has counts of whole hours, of all pipelines together.
                %(bucket)s <> 'minute' AND {unscoped} AS by_hours
        ) AS window_and_unit
    ) AS hours
),
failures AS (
    SELECT h.hour AS event_at, h.failed
    FROM reporting.hourly_failures AS h
    WHERE h.hour >= (SELECT hours_begin FROM bounds) AND h.hour < (SELECT hours_end FROM bounds)
    UNION ALL
    SELECT r.event_at, 1
    FROM reporting.runs AS r
    WHERE r.status = 'failed' AND r.event_at >= (SELECT since FROM bounds)
        AND r.event_at < (SELECT least(hours_begin, until) FROM bounds) AND {run_in_scope}
    UNION ALL
    SELECT r.event_at, 1
    FROM reporting.runs AS r
    WHERE r.status = 'failed' AND r.event_at >= (SELECT hours_end FROM bounds)
        AND r.event_at < (SELECT until FROM bounds) AND {run_in_scope}
)
SELECT
    -- 2001-01-01 was a Monday, so weeks begin on Mondays.
    date_bin(('1 ' || %(bucket)s)::interval, event_at, '2001-01-01T00:00:00Z') AS ts_bucket,
    sum(failed) AS failed_runs
FROM failures
GROUP BY ts_bucket
HAVING sum(failed) > 0
ORDER BY ts_bucket
