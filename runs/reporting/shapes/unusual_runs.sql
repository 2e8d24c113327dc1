-- Question   Which runs succeeded, but not as usual?
-- Grain      one row per success after `since` whose duration or number of rows is far from the usual value, newest first
-- Inventory  active
-- Panel      Operations: table
-- View       unusual_runs
-- Parameters since = 24 hours before as_of, limit = 50
-- Columns
--   client_name             text         Name of the client
--   pipeline_name           text         Name of the pipeline
--   platform                text         Kind of orchestrator
--   environment             text         Where the pipeline runs
--   event_at                timestamptz  When the run succeeded
--   unusual                 text         slow, quick, many rows, few rows or no rows; a comma separates two values
--   duration_seconds        integer?     Duration in whole seconds
--   usual_duration_seconds  integer?     Median duration of the successes before the run
--   rows_processed          integer?     Rows that the run processed
--   usual_rows              integer?     Median number of rows of the successes before the run
--   client_id               uuid         Key of the client
--   pipeline_id             uuid         Key of the pipeline
--   run_id                  uuid         Key of the run
--   source_url              text?        Page of the run at the source; null: unknown
--
-- Decision 0033 explains the rule with examples. CHM judges a run only if it is far outside the range of the last seven
-- successes before its UTC day. CHM compares the duration and the number of rows of this run with the last 30 successes
-- of the pipeline before the run. A value is unusual if it meets three conditions. First, it is at least twice the
-- median of these successes, or at most half of the median. Second, it differs from the median by at least 60 seconds or
-- 10 rows. Third, it is more than 5 deviations away from the median, on a logarithmic scale. A run without rows is
-- unusual if at most one of these successes had no rows. A value that is usual at this time of the week is not unusual.
-- A pipeline with fewer than 10 successes is not judged.
--
-- PostgreSQL judges the runs one after the other, newest first, until it has enough rows. So the duration of the query
-- depends on the limit, not on the window. OFFSET 0 and LATERAL make PostgreSQL keep this order.
SELECT
    client_name, pipeline_name, platform, environment, event_at, unusual, duration_seconds,
    -- A median is a float, and rounding can make it larger than the largest bigint, 9.22e18.
    least(round(usual_duration), 9.2e18)::bigint AS usual_duration_seconds,
    rows_processed,
    least(round(usual_rows), 9.2e18)::bigint AS usual_rows,
    client_id, pipeline_id, run_id,
    (SELECT r.source_url FROM reporting.runs AS r WHERE r.run_id = newest.run_id) AS source_url
FROM (
    SELECT p.*, r.run_id, r.event_at, r.duration_seconds, r.rows_processed, judged.*
    -- The UTC days of the window, newest first.
    FROM generate_series(
        date_trunc('day', %(as_of)s::timestamptz, 'UTC'),
        greatest(%(since)s::timestamptz, (SELECT min(r.event_at) FROM reporting.runs AS r)) - interval '24 hours',
        interval '-24 hours'
    ) AS day (begins_at)
    CROSS JOIN LATERAL (
        SELECT
            r.run_id, r.pipeline_id, r.event_at, r.duration_seconds, r.rows_processed,
            r.duration_seconds::float8 AS duration, r.rows_processed::float8 AS row_count
        FROM reporting.runs AS r
        WHERE r.status = 'success' AND {run_in_scope}
            AND r.event_at >= greatest(day.begins_at, %(since)s)
            AND r.event_at < least(day.begins_at + interval '24 hours', %(as_of)s)
        ORDER BY r.event_at DESC, r.run_id DESC
        OFFSET 0
    ) AS r
    -- To save time, compare a run with 30 successes only if it is far outside the range of its pipeline.
    JOIN {usual_range} AS range ON
        r.duration >= 2 * longest AND r.duration - longest >= 30
            AND ln((r.duration + 1) / (longest + 1)) >= 1.5 * ln((longest + 1) / (shortest + 1))
        OR 2 * r.duration <= shortest AND shortest - r.duration >= 30
            AND ln((shortest + 1) / (r.duration + 1)) >= 1.5 * ln((longest + 1) / (shortest + 1))
        OR r.row_count >= 2 * most AND r.row_count - most >= 5
            AND ln((r.row_count + 1) / (most + 1)) >= 1.5 * ln((most + 1) / (fewest + 1))
        OR 2 * r.row_count <= fewest AND fewest - r.row_count >= 5
            AND ln((fewest + 1) / (r.row_count + 1)) >= 1.5 * ln((most + 1) / (fewest + 1))
        OR r.row_count = 0 AND fewest > 0
    CROSS JOIN LATERAL (
        SELECT
            array_agg(duration ORDER BY duration) FILTER (WHERE duration IS NOT NULL) AS durations,
            array_agg(row_count ORDER BY row_count) FILTER (WHERE row_count IS NOT NULL) AS row_counts
        FROM (
            SELECT former.duration_seconds::float8 AS duration, former.rows_processed::float8 AS row_count
            FROM reporting.runs AS former
            WHERE former.pipeline_id = r.pipeline_id AND former.status = 'success' AND former.event_at < r.event_at
            ORDER BY former.event_at DESC, former.run_id DESC
            LIMIT 30
        ) AS last_thirty
    ) AS former
    CROSS JOIN LATERAL (
        SELECT
            string_agg(
                CASE
                    WHEN measure = 'duration' AND value > usual THEN 'slow'
                    WHEN measure = 'duration' THEN 'quick'
                    WHEN value > usual THEN 'many rows'
                    WHEN value > 0 THEN 'few rows'
                    ELSE 'no rows'
                END, ', ' ORDER BY measure
            ) FILTER (WHERE is_unusual) AS unusual,
            max(usual) FILTER (WHERE measure = 'duration') AS usual_duration,
            max(usual) FILTER (WHERE measure = 'rows') AS usual_rows
        FROM {compared_values} AS compared
    ) AS judged
    CROSS JOIN LATERAL (
        SELECT p.client_id, p.client_name, p.pipeline_id, p.pipeline_name, p.platform, p.environment
        FROM reporting.pipelines AS p
        WHERE p.pipeline_id = r.pipeline_id AND p.is_active
        OFFSET 0
    ) AS p
    WHERE judged.unusual IS NOT NULL
    LIMIT %(limit)s
) AS newest
ORDER BY event_at DESC, run_id DESC
