-- CTE bodies of the shape late_pipelines, for rules 2 and 3 of decision 0016. `by_week` has the pipelines for which earlier
-- weeks predict a start that has not come. The CTEs of clock_zones are explained there. `unplanned` has the pipelines whose
-- next start is not known from the source:
--   last_start_at  The last start.
--   judged_at      The time up to which CHM has read the source, or as_of if that is earlier.
--   gap            The recent gap in seconds (median of the last three gaps).
--   skip_within    In an earlier week, a start at most this long after the same time corresponds to the last start.
candidates AS MATERIALIZED (
    -- Exclude most of the pipelines that are on time: two of the four weeks had no start in the same interval either. The
    -- interval begins skip_within after the last start, ends 5 minutes before judged_at, and is moved to that week. Example:
    -- a job last started on Friday 6:00, and it is Sunday 6:00. Two weeks also had no start from Friday to Sunday, so the job
    -- is on time. If clocks have changed, the interval is up to an hour longer at each end, so that it is right for each zone.
    SELECT u.*
    FROM (
        SELECT
            *, last_start_at >= %(as_of)s::timestamptz - interval '72 hours' AS is_recent,
            -- Rule 5 or 6 can apply to an overdue pipeline, but only if `by_week` does not contain the pipeline. So
            -- `likely` keeps overdue pipelines, and all their starts are compared.
            judged_at > last_start_at + least(gap * interval '1 second', interval '160 hours') AS is_overdue
        FROM unplanned
        WHERE judged_at > last_start_at + skip_within + interval '5 minutes'
        OFFSET 0  -- computes it once
    ) AS u
    WHERE (
        SELECT count(*)
        FROM (
            SELECT
            FROM shift_ranges AS w
            WHERE NOT EXISTS (
                SELECT FROM reporting.runs AS r
                WHERE r.pipeline_id = u.pipeline_id
                    AND coalesce(r.started_at, '-infinity'::timestamptz) > u.last_start_at - ago + u.skip_within
                        + CASE WHEN u.is_recent THEN w.min_shift ELSE - w.older_shift END
                    AND coalesce(r.started_at, '-infinity'::timestamptz) <= u.judged_at - ago - interval '5 minutes'
                        + CASE WHEN u.is_recent THEN w.max_shift ELSE w.older_shift END
            )
            LIMIT 2
        ) AS weeks_without
    ) < 2
),
-- Exclude more pipelines, with only the starts of each week until 4 hours after same_now (see first_starts).
-- Keep a pipeline that can meet both conditions of `recent`:
--   1. In three weeks, the next start came at least 5 minutes before same_now. `started_weeks` is the number of such weeks.
--   2. The next starts of three weeks agree within two hours.
-- If started_weeks is 2 or more, three starts that agree include one before same_now. So the other two are at most 2 hours after
-- same_now, and were read. If started_weeks is 0 or 1, all three can be later than the starts that were read. So such a zone
-- counts as one in which condition 2 is met.
likely AS MATERIALIZED (
    SELECT h.*
    FROM (
        SELECT
            c.*,
            CASE WHEN NOT is_overdue THEN ARRAY(
                SELECT r.started_at
                FROM shift_ranges AS w
                JOIN reporting.runs AS r ON r.pipeline_id = c.pipeline_id
                    AND coalesce(r.started_at, '-infinity'::timestamptz)
                        > c.last_start_at - ago + c.skip_within - interval '1 hour'
                    AND coalesce(r.started_at, '-infinity'::timestamptz) <= c.judged_at - ago + interval '4 hours'
                ORDER BY r.started_at
            ) END AS starts
        FROM candidates AS c
        OFFSET 0
    ) AS h
    WHERE is_overdue OR (
        SELECT bool_or(started_weeks >= 3) AND bool_or(
            least(after[3] - after[1], after[4] - after[2]) <= interval '2 hours' OR started_weeks <= 1
        )
        FROM zones
        CROSS JOIN LATERAL (
            SELECT
                count(*) FILTER (WHERE first_at <= same_now - interval '5 minutes') AS started_weeks,
                array_agg(first_at - same_time ORDER BY first_at - same_time) AS after
            FROM {first_starts} AS of_week
        ) AS by_zone
    )
),
-- `starts` has the starts of the 36 days before the last start, oldest first. All comparisons below use them.
histories AS MATERIALIZED (
    SELECT
        c.client_id, c.client_name, c.pipeline_id, c.pipeline_name, c.platform, c.environment, c.judged_at, c.last_start_at, c.gap, c.skip_within, c.is_recent,
        ARRAY(
            SELECT r.started_at
            FROM reporting.runs AS r
            WHERE r.pipeline_id = c.pipeline_id
                AND coalesce(r.started_at, '-infinity'::timestamptz) >= c.last_start_at - interval '865 hours'
                AND coalesce(r.started_at, '-infinity'::timestamptz) <= c.last_start_at
            ORDER BY coalesce(r.started_at, '-infinity'::timestamptz)
        ) AS starts
    FROM likely AS c
),
-- Pipelines with a missing start: in three of the four weeks the next start came by same_now, and the next starts of three
-- weeks agree within two hours. `tolerance` is the limit for a match in rule 3: 30 minutes, or a third of the usual gap if that
-- is shorter.
recent AS MATERIALIZED (
    SELECT
        h.*, last_starts,
        least(1800, coalesce(usual.gap / 3, 1800)) * interval '1 second' AS tolerance
    FROM histories AS h
    CROSS JOIN LATERAL (SELECT h.starts[cardinality(h.starts) - 23:] AS last_starts) AS last
    CROSS JOIN LATERAL (
        SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM later - earlier)::float8) AS gap
        FROM unnest(last_starts[2:], last_starts[:cardinality(last_starts) - 1]) AS pair (later, earlier)
        WHERE later - earlier >= interval '1 minute' AND earlier >= h.last_start_at - interval '696 hours'
    ) AS usual
    WHERE cardinality(h.starts) >= 3 AND EXISTS (
        SELECT FROM zones
        CROSS JOIN LATERAL (
            SELECT array_agg(first_at - same_time ORDER BY first_at - same_time) AS after
            FROM {first_starts} AS of_week
        ) AS by_zone
        WHERE after[3] - after[1] <= interval '2 hours' OR after[4] - after[2] <= interval '2 hours'
    )
    AND EXISTS (
        SELECT FROM zones
        WHERE (
            SELECT count(*) FROM {first_starts} AS of_week WHERE first_at <= same_now - interval '5 minutes'
        ) >= 3
    )
),
-- For each zone, how well earlier weeks predict the last starts (rule 3). One comparison is about one start and one earlier
-- week. It is counted in `within_tolerance` if the nearest start to the same time of that week is within `tolerance`, and in
-- `within_30_minutes` if it is within 30 minutes.
fits AS MATERIALIZED (
    SELECT recent.pipeline_id, z.zone, z.zone_number, fit.*
    FROM recent
    CROSS JOIN zones AS z
    CROSS JOIN LATERAL (
        SELECT
            count(*) AS comparisons, count(*) FILTER (WHERE distance <= recent.tolerance) AS within_tolerance,
            count(*) FILTER (WHERE distance <= interval '30 minutes') AS within_30_minutes
        FROM (
            SELECT least(same_time - recent.starts[n], recent.starts[n + 1] - same_time) AS distance
            FROM (
                SELECT same_time, width_bucket(same_time, recent.starts) AS n
                FROM (
                    SELECT CASE
                        WHEN z.zone_number = 1 THEN started_at - week * interval '168 hours'
                        ELSE ((started_at AT TIME ZONE z.zone) - week * interval '7 days') AT TIME ZONE z.zone
                    END AS same_time
                    FROM unnest(
                        last_starts[CASE WHEN recent.gap <= 7200 THEN 1 ELSE cardinality(last_starts) - 11 END:]
                    ) AS started_at
                    CROSS JOIN generate_series(1, 4) AS week
                    WHERE started_at >= recent.last_start_at - interval '696 hours'
                    OFFSET 0  -- computes each level once
                ) AS former
                WHERE same_time >= recent.last_start_at - interval '864 hours'
                OFFSET 0
            ) AS placed
            OFFSET 0
        ) AS nearest
    ) AS fit
),
best AS (
    SELECT pipeline_id, max(within_30_minutes) AS within_30_minutes
    FROM fits
    GROUP BY pipeline_id
    HAVING max(within_tolerance) >= 0.65 * max(comparisons)
),
-- For each week, the next start, moved to this week (expected_at). This is first_at, unless first_at corresponds to the last
-- start (is_counterpart). Then it is the start after first_at. Example: a daily job last started on Tuesday 6:00. Two weeks
-- earlier it started late, on Tuesday 9:00. This was Tuesday's own start, so the next start is the one on Wednesday. The
-- conditions are the last two lines of the second table in rule 2.
next_starts AS (
    SELECT
        h.pipeline_id, zones.zone, zones.zone_number,
        ((next_start.started_at AT TIME ZONE zones.zone) + week * interval '7 days') AT TIME ZONE zones.zone
            AS expected_at,
        coalesce(extract(epoch FROM next_start.following_at - next_start.started_at)::float8, 604800) AS following
    FROM recent AS h
    JOIN best ON best.pipeline_id = h.pipeline_id
    JOIN fits AS zones ON zones.pipeline_id = h.pipeline_id AND zones.within_30_minutes >= best.within_30_minutes - 1
    CROSS JOIN LATERAL {first_starts} AS of_week
    CROSS JOIN LATERAL (
        SELECT h.starts[width_bucket(first_at + interval '1 minute', h.starts) + 1] AS second_at OFFSET 0
    ) AS second_after
    CROSS JOIN LATERAL (
        SELECT h.starts[width_bucket(second_at + interval '1 minute', h.starts) + 1] AS third_at OFFSET 0
    ) AS third_after
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN is_counterpart THEN second_at ELSE first_at END AS started_at,
            CASE WHEN is_counterpart THEN third_at ELSE second_at END AS following_at
        FROM (
            SELECT coalesce(
                first_at - same_time <= least(interval '30 minutes', (second_at - first_at) / 8)
                OR first_at - same_time <= least(interval '4 hours', (second_at - first_at) / 2)
                AND first_at - same_time
                    < coalesce(greatest(same_time - before_at, before_at - same_time), interval '168 hours'),
                false
            ) AS is_counterpart
        ) AS nearer
    ) AS next_start
),
by_zone AS (
    SELECT
        pipeline_id, zone_number, array_agg(expected_at ORDER BY expected_at) AS expected,
        percentile_disc(0.5) WITHIN GROUP (ORDER BY following) AS following
    FROM next_starts
    GROUP BY pipeline_id, zone_number
),
-- Several zones can predict equally well. A pipeline is late only if it is late by the clocks of each of them, so the latest
-- start counts. `expected` has the usual starts of rule 2, sorted: the second one is the expected start. `weeks` is the number
-- of weeks whose usual start is at most 75 minutes from the expected start. The reason of the report names this number.
usual AS (
    SELECT
        pipeline_id, (array_agg(expected[2] ORDER BY expected[3] DESC, zone_number))[1] AS expected_at,
        min(expected[3]) AS earliest, max(expected[3]) AS latest, max(least(expected[3] - expected[1], expected[4] - expected[2])) AS spread,
        min(following) AS following, min(same_hour) AS weeks
    FROM by_zone
    CROSS JOIN LATERAL (
        SELECT count(*) AS same_hour
        FROM unnest(expected) AS moment
        WHERE moment BETWEEN expected[2] - interval '75 minutes' AND expected[2] + interval '75 minutes'
    ) AS alike
    GROUP BY pipeline_id
    HAVING min(cardinality(expected)) >= 3
),
by_week AS MATERIALIZED (
    SELECT
        recent.*, usual.expected_at, usual.following, usual.weeks,
        CASE
            WHEN usual.following > 2700 THEN greatest(
                usual.earliest + least(0.4 * usual.following, 3600) * interval '1 second',
                usual.latest + least(0.4 * usual.following, 900) * interval '1 second'
            ) + usual.spread
            ELSE greatest(
                usual.latest + 0.4 * usual.following * interval '1 second',
                recent.last_start_at + 1.3 * longest.gap * interval '1 second'
            )
        END AS expected_by
    FROM recent
    JOIN usual ON usual.pipeline_id = recent.pipeline_id
    -- The longest normal gap of rule 2: the second longest of the last 99 gaps, without nights and days off.
    CROSS JOIN LATERAL (
        SELECT array_agg(extract(epoch FROM gap)::float8) AS gaps
        FROM (
            SELECT r.started_at - lead(r.started_at) OVER (ORDER BY coalesce(r.started_at, '-infinity'::timestamptz) DESC) AS gap
            FROM reporting.runs AS r
            WHERE r.pipeline_id = recent.pipeline_id
                AND coalesce(r.started_at, '-infinity'::timestamptz) > '-infinity'::timestamptz
                AND coalesce(r.started_at, '-infinity'::timestamptz) <= recent.last_start_at
            ORDER BY coalesce(r.started_at, '-infinity'::timestamptz) DESC
            LIMIT 99
        ) AS last_hundred
        WHERE gap >= interval '1 minute'
    ) AS last_gaps
    CROSS JOIN LATERAL (
        SELECT coalesce((array_agg(gap ORDER BY gap DESC))[2], max(gap)) AS gap
        FROM unnest(last_gaps.gaps) AS gap
        WHERE gap <= 3 * (
            SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY each_gap) FROM unnest(last_gaps.gaps) AS each_gap
        )
    ) AS longest
)
