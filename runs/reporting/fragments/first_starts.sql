-- One row for each of the four weeks before the last start of a pipeline (h). same_time is the weekday and local time of the
-- last start in that week, in a zone (zones). same_now is h.judged_at, moved in the same way. first_at is the first start
-- later than same_time plus h.skipped. before_at is the start before first_at. Example: the last start was on Monday 6:00,
-- and two weeks ago there were starts on Monday 6:02 and Tuesday 6:01. For this week, same_time is Monday 6:00. With
-- h.skipped = 25 minutes, before_at is Monday 6:02, and first_at is Tuesday 6:01. `h.starts` is sorted, oldest first.
(
    SELECT week, same_time, same_now, h.starts[n] AS before_at, h.starts[n + 1] AS first_at
    FROM (
        SELECT week, same_time, same_now, width_bucket(same_time + h.skipped, h.starts) AS n
        FROM (
            SELECT
                w.week,
                CASE
                    WHEN w.place = 1 OR h.is_recent AND w.shift = interval '0'
                        THEN h.last_start_at - w.week * interval '168 hours'
                    ELSE ((h.last_start_at AT TIME ZONE w.zone) - w.week * interval '7 days') AT TIME ZONE w.zone
                END AS same_time,
                CASE
                    WHEN w.place = 1 OR h.is_recent AND w.shift = interval '0'
                        THEN h.judged_at - w.week * interval '168 hours'
                    ELSE ((h.judged_at AT TIME ZONE w.zone) - w.week * interval '7 days') AT TIME ZONE w.zone
                END AS same_now
            FROM weeks AS w
            WHERE w.place = zones.place
            OFFSET 0  -- computes each level once
        ) AS former
        OFFSET 0
    ) AS placed
    WHERE h.starts[n + 1] IS NOT NULL
)
