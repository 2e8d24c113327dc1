-- Question   When did runs fail?
-- Grain      one row per bucket in which a run failed, oldest first
-- Inventory  all
-- Panel      Operations: time series
-- Parameters since, until, bucket
-- Columns
--   ts_bucket    timestamptz  Start of the bucket, UTC; a week starts on Monday
--   failed_runs  integer      Failed runs in this bucket
WITH bounds AS (
    SELECT
        since, until, first_hour, greatest(first_hour, last_hour) AS last_hour
    FROM (
        SELECT
            since, until,
            CASE WHEN by_hours THEN date_bin('1 hour', since + interval '1 hour' - interval '1 microsecond', '2001-01-01Z')
                ELSE until END AS first_hour,
            CASE WHEN by_hours THEN date_bin('1 hour', until, '2001-01-01Z') ELSE until END AS last_hour
        FROM (
            SELECT
                %(since)s::timestamptz AS since, %(until)s::timestamptz AS until,
                -- The roll-up has counts of whole hours, of all pipelines together.
                %(bucket)s <> 'minute' AND {unscoped} AS by_hours
        ) AS window_and_unit
    ) AS hours
),
failures AS (
    SELECT h.hour AS event_at, h.failed
    FROM reporting.hourly_failures AS h
    WHERE h.hour >= (SELECT first_hour FROM bounds) AND h.hour < (SELECT last_hour FROM bounds)
    UNION ALL
    SELECT r.event_at, 1
    FROM reporting.runs AS r
    WHERE r.status = 'failed' AND r.event_at >= (SELECT since FROM bounds)
        AND r.event_at < (SELECT least(first_hour, until) FROM bounds) AND {run_in_scope}
    UNION ALL
    SELECT r.event_at, 1
    FROM reporting.runs AS r
    WHERE r.status = 'failed' AND r.event_at >= (SELECT last_hour FROM bounds)
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
