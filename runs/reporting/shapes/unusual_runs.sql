-- Question   Which runs succeeded, but not as usual?
-- Grain      one row per success after since whose duration or number of rows is far from the usual value, newest first
-- Inventory  active
-- Panel      Operations: table
-- View       unusual_runs
-- Parameters since = 24 hours before as_of
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
-- Decision 0033 explains the rule with examples. CHM compares the duration and the number of rows of a run with the
-- last 30 successes of the pipeline before the run. A value is unusual if it meets three conditions. First, it is at
-- least twice the median of these successes, or at most half of the median. Second, it differs from the median by at
-- least 60 seconds or 10 rows. Third, it is more than 5 deviations from the median; a deviation is 1.4826 times the
-- median absolute deviation of the logarithms. A run without rows is unusual if at most one of these successes had no
-- rows. A value that is usual at this time of the week is not unusual. A pipeline with fewer than 10 successes is not
-- judged.
WITH finished AS MATERIALIZED (
    SELECT
        r.run_id, r.pipeline_id, r.event_at, r.duration_seconds, r.rows_processed,
        r.duration_seconds::float8 AS duration, r.rows_processed::float8 AS row_count
    FROM reporting.runs AS r
    WHERE r.status = 'success' AND r.event_at >= %(since)s AND r.event_at < %(as_of)s
),
-- The range of the last successes before the window, without the smallest and the largest value, so that one outlier
-- does not hide the next. Only runs far outside this range are compared with 30 successes, which keeps the cost low.
ranges AS MATERIALIZED (
    SELECT p.*, former.durations[2] AS shortest, former.durations[cardinality(former.durations) - 1] AS longest,
        former.row_counts[2] AS fewest, former.row_counts[cardinality(former.row_counts) - 1] AS most
    FROM reporting.pipelines AS p
    CROSS JOIN LATERAL (
        SELECT
            array_agg(last_seven.duration ORDER BY last_seven.duration) FILTER (WHERE last_seven.duration IS NOT NULL)
                AS durations,
            array_agg(last_seven.row_count ORDER BY last_seven.row_count)
                FILTER (WHERE last_seven.row_count IS NOT NULL) AS row_counts
        FROM (
            SELECT r.duration_seconds::float8 AS duration, r.rows_processed::float8 AS row_count
            FROM reporting.runs AS r
            WHERE r.pipeline_id = p.pipeline_id AND r.status = 'success' AND r.event_at < %(since)s
            ORDER BY r.event_at DESC, r.run_id DESC
            LIMIT 7
        ) AS last_seven
    ) AS former
    WHERE p.is_active AND {in_scope} AND p.pipeline_id IN (SELECT finished.pipeline_id FROM finished)
),
suspected AS MATERIALIZED (
    SELECT
        r.run_id, r.event_at, r.duration_seconds, r.rows_processed, p.client_id, p.client_name, p.pipeline_id,
        p.pipeline_name, p.platform, p.environment
    FROM finished AS r
    JOIN ranges AS p USING (pipeline_id)
    WHERE r.duration >= 2 * p.longest AND r.duration - p.longest >= 30
            AND ln((r.duration + 1) / (p.longest + 1)) >= 1.5 * ln((p.longest + 1) / (p.shortest + 1))
        OR 2 * r.duration <= p.shortest AND p.shortest - r.duration >= 30
            AND ln((p.shortest + 1) / (r.duration + 1)) >= 1.5 * ln((p.longest + 1) / (p.shortest + 1))
        OR r.row_count >= 2 * p.most AND r.row_count - p.most >= 5
            AND ln((r.row_count + 1) / (p.most + 1)) >= 1.5 * ln((p.most + 1) / (p.fewest + 1))
        OR 2 * r.row_count <= p.fewest AND p.fewest - r.row_count >= 5
            AND ln((p.fewest + 1) / (r.row_count + 1)) >= 1.5 * ln((p.most + 1) / (p.fewest + 1))
        OR r.row_count = 0 AND p.fewest > 0
),
far AS MATERIALIZED (
    SELECT
        s.run_id, s.pipeline_id, s.event_at, m.measure, m.value, usual.value AS usual,
        CASE
            WHEN m.measure = 'rows' AND m.value = 0 THEN width_bucket(0::float8, m.former_values) <= 1
            WHEN abs(m.value - usual.value) >= m.least_difference
                AND greatest(m.value, usual.value) >= 2 * least(m.value, usual.value)
                -- Compute the deviation only if at least half of the values are near the median. Otherwise the last
                -- comparison is false. Counting in the sorted array costs less than the deviation.
                AND 2 * (
                    width_bucket(near.highest, m.former_values) - width_bucket(near.lowest, m.former_values)
                ) >= cardinality(m.former_values)
            THEN usual.distance > 5 * 1.4826 * (
                SELECT percentile_cont(0.5) WITHIN GROUP (
                    ORDER BY abs(ln(greatest(former_value.value, 1) / greatest(usual.value, 1)))
                )
                FROM unnest(m.former_values) AS former_value (value)
            )
            ELSE false
        END AS is_far
    FROM suspected AS s
    CROSS JOIN LATERAL (
        SELECT
            array_agg(last_thirty.duration ORDER BY last_thirty.duration)
                FILTER (WHERE last_thirty.duration IS NOT NULL) AS durations,
            array_agg(last_thirty.row_count ORDER BY last_thirty.row_count)
                FILTER (WHERE last_thirty.row_count IS NOT NULL) AS row_counts
        FROM (
            SELECT r.duration_seconds::float8 AS duration, r.rows_processed::float8 AS row_count
            FROM reporting.runs AS r
            WHERE r.pipeline_id = s.pipeline_id AND r.status = 'success' AND r.event_at < s.event_at
            ORDER BY r.event_at DESC, r.run_id DESC
            LIMIT 30
        ) AS last_thirty
    ) AS former
    CROSS JOIN LATERAL (
        VALUES
            ('duration', s.duration_seconds::float8, 60, former.durations),
            ('rows', s.rows_processed::float8, 10, former.row_counts)
    ) AS m (measure, value, least_difference, former_values)
    CROSS JOIN LATERAL (
        -- The median is the mean of the two middle values. For an odd number of values both are the same value.
        SELECT median AS value, abs(ln(greatest(m.value, 1) / greatest(median, 1))) AS distance
        FROM (
            SELECT lower_middle + 0.5 * (upper_middle - lower_middle) AS median
            FROM (
                SELECT
                    m.former_values[(cardinality(m.former_values) + 1) / 2] AS lower_middle,
                    m.former_values[cardinality(m.former_values) / 2 + 1] AS upper_middle
            ) AS middle
            OFFSET 0  -- computes it once
        ) AS medians
        OFFSET 0
    ) AS usual
    CROSS JOIN LATERAL (
        -- Values below 1 count as 1. The factor is slightly too large, so that rounding errors exclude no value.
        SELECT
            greatest(usual.value, 1) * factor AS highest,
            CASE WHEN greatest(usual.value, 1) <= factor THEN -1 ELSE greatest(usual.value, 1) / factor END AS lowest
        FROM (SELECT exp(usual.distance / (5 * 1.4826) + 1e-9) AS factor OFFSET 0) AS factors
        OFFSET 0
    ) AS near
    WHERE cardinality(m.former_values) >= 10
),
-- Of these, keep values that are also unusual compared with the same time of the week in the eight weeks before.
unusual AS (
    SELECT
        far.run_id,
        string_agg(
            CASE
                WHEN far.measure = 'duration' AND far.value > far.usual THEN 'slow'
                WHEN far.measure = 'duration' THEN 'quick'
                WHEN far.value > far.usual THEN 'many rows'
                WHEN far.value > 0 THEN 'few rows'
                ELSE 'no rows'
            END, ', ' ORDER BY far.measure
        ) AS unusual
    FROM far
    CROSS JOIN LATERAL (
        SELECT count(alike.value) AS number, min(alike.value) AS least, max(alike.value) AS most
        FROM generate_series(1, 8) AS ago (weeks)
        CROSS JOIN LATERAL (
            SELECT CASE far.measure WHEN 'duration' THEN r.duration_seconds ELSE r.rows_processed END::float8 AS value
            FROM reporting.runs AS r
            WHERE r.pipeline_id = far.pipeline_id AND r.status = 'success'
                AND r.event_at >= far.event_at - ago.weeks * interval '168 hours' - interval '75 minutes'
                AND r.event_at <= far.event_at - ago.weeks * interval '168 hours' + interval '75 minutes'
        ) AS alike
    ) AS weekly
    WHERE far.is_far AND (weekly.number < 4 OR far.value > 1.5 * weekly.most OR 1.5 * far.value < weekly.least)
    GROUP BY far.run_id
),
usual AS (
    SELECT
        run_id, max(usual) FILTER (WHERE measure = 'duration') AS duration,
        max(usual) FILTER (WHERE measure = 'rows') AS row_count
    FROM far
    GROUP BY run_id
)
SELECT
    s.client_name, s.pipeline_name, s.platform, s.environment, s.event_at, u.unusual, s.duration_seconds,
    -- A median is a float, and rounding can make it larger than the largest bigint, 9.22e18.
    least(round(usual.duration), 9.2e18)::bigint AS usual_duration_seconds,
    s.rows_processed,
    least(round(usual.row_count), 9.2e18)::bigint AS usual_rows,
    s.client_id, s.pipeline_id, s.run_id,
    (SELECT r.source_url FROM reporting.runs AS r WHERE r.run_id = s.run_id) AS source_url
FROM suspected AS s
JOIN unusual AS u USING (run_id)
JOIN usual USING (run_id)
ORDER BY s.event_at DESC, s.run_id DESC
