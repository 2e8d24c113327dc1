-- One row for each of the four weeks before the last start of a pipeline (h), by the clocks of one zone (zones). A week
-- without first_at has no row. h.starts is sorted, oldest first.
--   same_time  The moment in that week with the weekday and local time of h.last_start_at.
--   same_now   The moment in that week with the weekday and local time of h.judged_at.
--   first_at   The first start later than same_time plus h.skip_within.
--   before_at  The start before first_at.
-- Example: the last start was on Monday 6:00, and h.skip_within is 25 minutes. Two weeks earlier there were starts on
-- Monday 6:02 and Tuesday 6:01. For that week, same_time is Monday 6:00, before_at is Monday 6:02, and first_at is
-- Tuesday 6:01.
--
-- In UTC (zone_number 1), and in weeks without a clock change (w.shift is 0), a week always has 168 hours. PostgreSQL
-- computes this faster than local times.
(
    SELECT week, same_time, same_now, h.starts[n] AS before_at, h.starts[n + 1] AS first_at
    FROM (
        SELECT week, same_time, same_now, width_bucket(same_time + h.skip_within, h.starts) AS n
        FROM (
            SELECT
                w.week,
                CASE
                    WHEN w.zone_number = 1 OR h.is_recent AND w.shift = interval '0'
                        THEN h.last_start_at - w.week * interval '168 hours'
                    ELSE ((h.last_start_at AT TIME ZONE w.zone) - w.week * interval '7 days') AT TIME ZONE w.zone
                END AS same_time,
                CASE
                    WHEN w.zone_number = 1 OR h.is_recent AND w.shift = interval '0'
                        THEN h.judged_at - w.week * interval '168 hours'
                    ELSE ((h.judged_at AT TIME ZONE w.zone) - w.week * interval '7 days') AT TIME ZONE w.zone
                END AS same_now
            FROM weeks AS w
            WHERE w.zone_number = zones.zone_number
            OFFSET 0  -- computes each level once
        ) AS former
        OFFSET 0
    ) AS placed
    WHERE h.starts[n + 1] IS NOT NULL
)
