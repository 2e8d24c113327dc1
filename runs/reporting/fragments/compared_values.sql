-- Compares the duration and the number of rows of a run (r) with the values of the successes before the run (former).
-- One row per value: the value, the usual value (the median of the former values), and whether the value is unusual.
-- With fewer than 10 former values there is no row.
(
    SELECT
        measure, value, usual,
        -- A value that is far from the usual one can be normal at this time of the week. So compare it with the values
        -- of the eight weeks before, at the same time of the week plus or minus 75 minutes.
        CASE WHEN is_far THEN (
            SELECT count(alike.value) < 4 OR far.value > 1.5 * max(alike.value) OR 1.5 * far.value < min(alike.value)
            FROM generate_series(1, 8) AS ago (weeks)
            CROSS JOIN LATERAL (
                SELECT
                    CASE far.measure WHEN 'duration' THEN w.duration_seconds ELSE w.rows_processed END::float8 AS value
                FROM reporting.runs AS w
                WHERE w.pipeline_id = r.pipeline_id AND w.status = 'success'
                    AND w.event_at >= r.event_at - ago.weeks * interval '168 hours' - interval '75 minutes'
                    AND w.event_at <= r.event_at - ago.weeks * interval '168 hours' + interval '75 minutes'
            ) AS alike
        ) END AS is_unusual
    FROM (
        SELECT
            m.measure, m.value, usual.value AS usual,
            CASE
                WHEN m.measure = 'rows' AND m.value = 0 THEN width_bucket(0::float8, m.former_values) <= 1
                WHEN abs(m.value - usual.value) >= m.least_difference
                    AND greatest(m.value, usual.value) >= 2 * least(m.value, usual.value)
                    -- The comparison after THEN can be true only if at least half of the values are near the median. So
                    -- count these values first. Counting in the sorted array costs less than this comparison.
                    AND 2 * (
                        width_bucket(near.highest, m.former_values) - width_bucket(near.lowest, m.former_values)
                    ) >= cardinality(m.former_values)
                -- More than 5 deviations. A deviation is 1.4826 times the median of the distances (decision 0033).
                THEN usual.distance > 5 * 1.4826 * (
                    SELECT percentile_cont(0.5) WITHIN GROUP (
                        ORDER BY abs(ln(greatest(former_value.value, 1) / greatest(usual.value, 1)))
                    )
                    FROM unnest(m.former_values) AS former_value (value)
                )
                ELSE false
            END AS is_far
        FROM (
            VALUES ('duration', r.duration, 60, former.durations), ('rows', r.row_count, 10, former.row_counts)
        ) AS m (measure, value, least_difference, former_values)
        CROSS JOIN LATERAL (
            -- The median is the mean of the two middle values. An odd number of values has one middle value, which is
            -- read twice.
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
            -- `lowest` and `highest` are the limits of near values. Values below 1 count as 1. 1e-9 makes the range
            -- slightly too large, so that rounding errors exclude no value.
            SELECT
                greatest(usual.value, 1) * factor AS highest,
                CASE WHEN greatest(usual.value, 1) <= factor THEN -1 ELSE greatest(usual.value, 1) / factor END AS lowest
            FROM (SELECT exp(usual.distance / (5 * 1.4826) + 1e-9) AS factor OFFSET 0) AS factors
            OFFSET 0
        ) AS near
        WHERE cardinality(m.former_values) >= 10
        OFFSET 0
    ) AS far
    OFFSET 0
)
