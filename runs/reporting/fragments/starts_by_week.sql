-- CTE bodies of the shape late_pipelines, for rules 2 and 3 of decision 0016. `by_week` has the pipelines for which
-- earlier weeks predict a start that has not come. The CTEs of clock_zones are explained there. `unplanned` has the
-- pipelines whose next start is not known from the source:
--   last_start_at  The last start.
--   judged_at      The time up to which CHM has read the source, or as_of if that is earlier.
--   gap            The recent gap in seconds (median of the last three gaps).
--   skip_within    In an earlier week, a start at most this long after the weekday and time of the last start
--                  corresponds to the last start.
--
-- Pipelines that can be late by rule 2. `searched_after` is last_start_at plus skip_within. first_1 to first_4 are, in
-- each of the four earlier weeks, the first start after the weekday and time of searched_after. Two conditions must be
-- met:
--   1. In at least three weeks, this start came at least 5 minutes before the weekday and time of judged_at. Example: a
--      job last started on Friday 6:00, and it is Sunday 6:00. If it also did not start between Friday and Sunday in
--      two of the four weeks, only two weeks are left, and the condition is not met.
--   2. The starts of three weeks differ by at most `max_spread`: two hours, or more if clocks have changed.
-- `missing_start` tests both exactly, in each zone. Here, the conditions are wider, so that no pipeline is missed if
-- clocks have changed. If one of first_1 to first_4 is not later than searched_after + last_begins, the first start
-- differs between the zones. Then condition 2 counts as met. Each level searches only if the levels before it leave
-- the pipeline a chance. A slow pipeline, with a recent gap of at least a day, has few starts. So one search reads
-- the starts of all four weeks.
candidates AS MATERIALIZED (
    SELECT pipeline_id, judged_at, last_start_at, gap, skip_within, is_recent
    FROM (
        SELECT
            *,
            CASE WHEN is_slow THEN starts[width_bucket(searched_after + begins[4], starts) + 1] ELSE (
                SELECT r.started_at
                FROM reporting.runs AS r
                WHERE r.pipeline_id = u.pipeline_id
                    AND coalesce(r.started_at, '-infinity'::timestamptz) > u.searched_after + u.begins[4]
                    AND coalesce(r.started_at, '-infinity'::timestamptz) <= u.judged_at + u.ends[4] + interval '4 hours'
                ORDER BY coalesce(r.started_at, '-infinity'::timestamptz)
                LIMIT 1
            ) END AS first_4
        FROM (
            SELECT
                *,
                CASE WHEN is_slow THEN starts[width_bucket(searched_after + begins[3], starts) + 1] ELSE (
                    SELECT r.started_at
                    FROM reporting.runs AS r
                    WHERE r.pipeline_id = u.pipeline_id
                        AND coalesce(r.started_at, '-infinity'::timestamptz) > u.searched_after + u.begins[3]
                        AND coalesce(r.started_at, '-infinity'::timestamptz) <= u.judged_at + u.ends[3] + interval '4 hours'
                    ORDER BY coalesce(r.started_at, '-infinity'::timestamptz)
                    LIMIT 1
                ) END AS first_3
            FROM (
                SELECT
                    *,
                    CASE WHEN is_slow THEN starts[width_bucket(searched_after + begins[1], starts) + 1] ELSE (
                        SELECT r.started_at
                        FROM reporting.runs AS r
                        WHERE r.pipeline_id = u.pipeline_id
                            AND coalesce(r.started_at, '-infinity'::timestamptz) > u.searched_after + u.begins[1]
                            AND coalesce(r.started_at, '-infinity'::timestamptz) <= u.judged_at + u.ends[1] + interval '4 hours'
                        ORDER BY coalesce(r.started_at, '-infinity'::timestamptz)
                        LIMIT 1
                    ) END AS first_1,
                    CASE WHEN is_slow THEN starts[width_bucket(searched_after + begins[2], starts) + 1] ELSE (
                        SELECT r.started_at
                        FROM reporting.runs AS r
                        WHERE r.pipeline_id = u.pipeline_id
                            AND coalesce(r.started_at, '-infinity'::timestamptz) > u.searched_after + u.begins[2]
                            AND coalesce(r.started_at, '-infinity'::timestamptz) <= u.judged_at + u.ends[2] + interval '4 hours'
                        ORDER BY coalesce(r.started_at, '-infinity'::timestamptz)
                        LIMIT 1
                    ) END AS first_2
                FROM (
                    SELECT
                        *,
                        CASE WHEN is_slow THEN ARRAY(
                            SELECT r.started_at
                            FROM reporting.runs AS r
                            WHERE r.pipeline_id = gated.pipeline_id
                                AND coalesce(r.started_at, '-infinity'::timestamptz) > gated.searched_after + gated.begins[4]
                                AND coalesce(r.started_at, '-infinity'::timestamptz)
                                    <= gated.judged_at + gated.ends[1] + interval '4 hours'
                            ORDER BY coalesce(r.started_at, '-infinity'::timestamptz)
                        ) END AS starts
                    FROM (
                        SELECT n.*, n.last_start_at + n.skip_within AS searched_after, gap >= 86400 AS is_slow, w.*
                        FROM unplanned AS n
                        JOIN week_bounds AS w
                            ON w.is_recent = (n.last_start_at >= %(as_of)s::timestamptz - interval '72 hours')
                        WHERE n.judged_at > n.last_start_at + n.skip_within + interval '5 minutes'
                        OFFSET 0  -- computes each level once
                    ) AS gated
                    OFFSET 0
                ) AS u
                OFFSET 0
            ) AS u
            WHERE first_1 <= judged_at + ends[1] OR first_2 <= judged_at + ends[2]
            OFFSET 0
        ) AS u
        WHERE (first_1 <= judged_at + ends[1] AND first_2 <= judged_at + ends[2])
            OR first_3 <= judged_at + ends[3]
        OFFSET 0
    ) AS u
    CROSS JOIN LATERAL (
        -- A week without a start gets a time far away, so that it agrees with no other week.
        SELECT
            coalesce(first_1 + interval '168 hours', 'epoch') AS t1, coalesce(first_2 + interval '336 hours', 'epoch') AS t2,
            coalesce(first_3 + interval '504 hours', 'epoch') AS t3, coalesce(first_4 + interval '672 hours', 'epoch') AS t4
    ) AS moved
    WHERE num_nonnulls(
            nullif(first_1 <= judged_at + ends[1], false), nullif(first_2 <= judged_at + ends[2], false),
            nullif(first_3 <= judged_at + ends[3], false), nullif(first_4 <= judged_at + ends[4], false)
        ) >= 3
        AND (
            greatest(t1, t2, t3) - least(t1, t2, t3) <= max_spread
            OR greatest(t1, t2, t4) - least(t1, t2, t4) <= max_spread
            OR greatest(t1, t3, t4) - least(t1, t3, t4) <= max_spread
            OR greatest(t2, t3, t4) - least(t2, t3, t4) <= max_spread
            OR first_1 <= searched_after + last_begins[1] OR first_2 <= searched_after + last_begins[2]
            OR first_3 <= searched_after + last_begins[3] OR first_4 <= searched_after + last_begins[4]
        )
),
-- From the starts of two weeks, find pipelines that cannot meet rule 3, and exclude them. Rule 3 compares 12 starts
-- with 4 weeks. Rule 3 is not met if more than 16 of these 48 comparisons do not match. If the recent gap is at most two hours, many
-- comparisons match by chance, so this step keeps the pipeline.
matching AS MATERIALIZED (
    SELECT pipeline_id, judged_at, last_start_at, gap, skip_within, is_recent
    FROM (
        SELECT
            *,
            CASE WHEN gap > 7200 THEN ARRAY(
                SELECT r.started_at
                FROM week_bounds AS w
                CROSS JOIN generate_series(1, 2) AS week
                JOIN reporting.runs AS r ON r.pipeline_id = c.pipeline_id
                    AND coalesce(r.started_at, '-infinity'::timestamptz)
                        >= c.last_starts[cardinality(c.last_starts)] + w.begins[week] - interval '30 minutes'
                    AND coalesce(r.started_at, '-infinity'::timestamptz)
                        <= c.last_start_at + w.last_begins[week] + interval '30 minutes'
                WHERE NOT w.is_recent
                ORDER BY r.started_at
            ) END AS starts
        FROM (
            SELECT
                c.*,
                CASE WHEN gap > 7200 THEN ARRAY(
                    SELECT r.started_at
                    FROM reporting.runs AS r
                    WHERE r.pipeline_id = c.pipeline_id
                        AND coalesce(r.started_at, '-infinity'::timestamptz) >= c.last_start_at - interval '696 hours'
                        AND coalesce(r.started_at, '-infinity'::timestamptz) <= c.last_start_at
                    ORDER BY coalesce(r.started_at, '-infinity'::timestamptz) DESC
                    LIMIT 12
                ) END AS last_starts
            FROM candidates AS c
            OFFSET 0  -- computes each level once
        ) AS c
        OFFSET 0
    ) AS c
    WHERE gap <= 7200 OR (
        SELECT count(*) <= 0.35 * 4 * cardinality(c.last_starts)
        FROM unnest(c.last_starts) AS started_at
        JOIN week_bounds AS w ON w.is_recent = (started_at >= %(as_of)s::timestamptz - interval '72 hours')
        CROSS JOIN generate_series(1, 2) AS week
        WHERE started_at - week * interval '168 hours' >= c.last_start_at - interval '863 hours'
            AND (
                c.starts[width_bucket(started_at + w.begins[week] - interval '30 minutes 1 microsecond', c.starts) + 1]
                    <= started_at + w.last_begins[week] + interval '30 minutes'
            ) IS NOT TRUE
    )
),
-- Exclude more pipelines that cannot meet rule 3. This step reads only the starts that rule 3 compares. A comparison
-- counts as a match if it could match in one of the zones. So no pipeline is missed if clocks have changed.
-- `last_starts` and `tolerance` have the same meaning as in `missing_start`.
regular AS MATERIALIZED (
    SELECT pipeline_id, judged_at, last_start_at, gap, skip_within, is_recent
    FROM (
        SELECT
            *,
            ARRAY(
                SELECT r.started_at
                FROM week_bounds AS w
                CROSS JOIN generate_series(1, 4) AS week
                JOIN reporting.runs AS r ON r.pipeline_id = l.pipeline_id
                    AND coalesce(r.started_at, '-infinity'::timestamptz)
                        >= l.last_starts[1] + w.begins[week] - l.tolerance
                    AND coalesce(r.started_at, '-infinity'::timestamptz) <= l.last_start_at + w.last_begins[week] + l.tolerance
                WHERE NOT w.is_recent
                ORDER BY r.started_at
            ) AS starts
        FROM (
            SELECT
                *,
                (
                    SELECT
                        least(1800, coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY date_part('epoch', later - earlier)) / 3, 1800))
                        * interval '1 second'
                    FROM unnest(last_starts[2:], last_starts[:cardinality(last_starts) - 1]) AS pair (later, earlier)
                    WHERE later - earlier >= interval '1 minute'
                ) AS tolerance
            FROM (
                SELECT
                    c.*,
                    ARRAY(
                        SELECT started_at
                        FROM (
                            SELECT r.started_at
                            FROM reporting.runs AS r
                            WHERE r.pipeline_id = c.pipeline_id
                                AND coalesce(r.started_at, '-infinity'::timestamptz) >= c.last_start_at - interval '696 hours'
                                AND coalesce(r.started_at, '-infinity'::timestamptz) <= c.last_start_at
                            ORDER BY coalesce(r.started_at, '-infinity'::timestamptz) DESC
                            LIMIT 24
                        ) AS last_24
                        ORDER BY started_at
                    ) AS last_starts
                FROM matching AS c
                OFFSET 0  -- computes each level once
            ) AS c
            OFFSET 0
        ) AS l
        OFFSET 0
    ) AS l
    WHERE (
        SELECT count(*) FILTER (WHERE l.starts[width_bucket(searched_after, l.starts) + 1] <= searched_until)
            >= 0.65 * count(*) FILTER (WHERE same_time >= l.last_start_at - interval '863 hours')
        FROM (
            SELECT
                started_at - week * interval '168 hours' AS same_time,
                started_at + w.begins[week] - l.tolerance - interval '1 microsecond' AS searched_after,
                started_at + w.last_begins[week] + l.tolerance AS searched_until
            FROM unnest(
                l.last_starts[CASE WHEN l.gap <= 7200 THEN 1 ELSE greatest(cardinality(l.last_starts) - 11, 1) END:]
            ) AS started_at
            JOIN week_bounds AS w ON w.is_recent = (started_at >= %(as_of)s::timestamptz - interval '72 hours')
            CROSS JOIN generate_series(1, 4) AS week
            OFFSET 0
        ) AS compared
        WHERE same_time >= l.last_start_at - interval '865 hours'
    )
),
-- `starts` has the starts of the 36 days before the last start, oldest first. All comparisons below use them.
histories AS MATERIALIZED (
    SELECT
        c.pipeline_id, c.judged_at, c.last_start_at, c.gap, c.skip_within, c.is_recent,
        ARRAY(
            SELECT r.started_at
            FROM reporting.runs AS r
            WHERE r.pipeline_id = c.pipeline_id
                AND coalesce(r.started_at, '-infinity'::timestamptz) >= c.last_start_at - interval '865 hours'
                AND coalesce(r.started_at, '-infinity'::timestamptz) <= c.last_start_at
            ORDER BY coalesce(r.started_at, '-infinity'::timestamptz)
        ) AS starts
    FROM regular AS c
),
-- Pipelines with a missing start. In three of the four weeks, the next start came at least 5 minutes before same_now.
-- And the next starts of three weeks differ by at most two hours. `tolerance` is the limit for a match in rule 3: 30
-- minutes, or a third of the usual gap if that is shorter.
missing_start AS MATERIALIZED (
    SELECT
        h.*, last_starts,
        least(1800, coalesce(usual.gap / 3, 1800)) * interval '1 second' AS tolerance
    FROM histories AS h
    CROSS JOIN LATERAL (SELECT h.starts[cardinality(h.starts) - 23:] AS last_starts) AS last
    CROSS JOIN LATERAL (
        SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY date_part('epoch', later - earlier)) AS gap
        FROM unnest(last_starts[2:], last_starts[:cardinality(last_starts) - 1]) AS pair (later, earlier)
        WHERE later - earlier >= interval '1 minute' AND earlier >= h.last_start_at - interval '696 hours'
    ) AS usual
    WHERE cardinality(h.starts) >= 3 AND (
        SELECT
            bool_or(started_weeks >= 3) AND bool_or(least(after[3] - after[1], after[4] - after[2]) <= interval '2 hours')
        FROM zones
        CROSS JOIN LATERAL (
            SELECT
                count(*) FILTER (WHERE first_at <= same_now - interval '5 minutes') AS started_weeks,
                array_agg(first_at - same_time ORDER BY first_at - same_time) AS after
            FROM {first_starts} AS of_week
        ) AS by_zone
    )
),
-- For each zone, how well earlier weeks predict the last starts (rule 3). One comparison is about one start and one
-- earlier week. It is counted in `within_tolerance` if the nearest start to the same time of that week is within
-- `tolerance`, and in `within_30_minutes` if it is within 30 minutes.
fits AS MATERIALIZED (
    SELECT missing_start.pipeline_id, z.zone, z.zone_number, fit.*
    FROM missing_start
    CROSS JOIN zones AS z
    CROSS JOIN LATERAL (
        SELECT
            count(*) AS comparisons, count(*) FILTER (WHERE distance <= missing_start.tolerance) AS within_tolerance,
            count(*) FILTER (WHERE distance <= interval '30 minutes') AS within_30_minutes
        FROM (
            SELECT least(same_time - missing_start.starts[n], missing_start.starts[n + 1] - same_time) AS distance
            FROM (
                SELECT same_time, width_bucket(same_time, missing_start.starts) AS n
                FROM (
                    SELECT CASE
                        WHEN z.zone_number = 1 THEN started_at - week * interval '168 hours'
                        ELSE ((started_at AT TIME ZONE z.zone) - week * interval '7 days') AT TIME ZONE z.zone
                    END AS same_time
                    FROM unnest(
                        last_starts[CASE WHEN missing_start.gap <= 7200 THEN 1 ELSE cardinality(last_starts) - 11 END:]
                    ) AS started_at
                    CROSS JOIN generate_series(1, 4) AS week
                    WHERE started_at >= missing_start.last_start_at - interval '696 hours'
                    OFFSET 0  -- computes each level once
                ) AS former
                WHERE same_time >= missing_start.last_start_at - interval '864 hours'
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
-- For each week, the next start, moved to this week (expected_at). This is first_at, unless first_at corresponds to the
-- last start (is_counterpart). Then it is the start after first_at. Example: a daily job last started on Tuesday 6:00.
-- Two weeks earlier it started late, on Tuesday 9:00. This was Tuesday's own start, so the next start is the one on
-- Wednesday. The conditions are the last two lines of the second table in rule 2.
next_starts AS (
    SELECT
        h.pipeline_id, zones.zone, zones.zone_number,
        ((next_start.started_at AT TIME ZONE zones.zone) + week * interval '7 days') AT TIME ZONE zones.zone
            AS expected_at,
        -- If no start follows, a week.
        coalesce(extract(epoch FROM next_start.following_at - next_start.started_at)::float8, 604800) AS gap_after
    FROM missing_start AS h
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
        percentile_disc(0.5) WITHIN GROUP (ORDER BY gap_after) AS gap_after
    FROM next_starts
    GROUP BY pipeline_id, zone_number
),
-- Several zones can predict equally well. A pipeline is late only if it is late by the clocks of each of them, so the
-- latest start counts. `expected` has the usual starts of rule 2, sorted: the second one is the expected start. `weeks`
-- is the number of weeks whose usual start is at most 75 minutes from the expected start, in the zone with the fewest
-- such weeks. The reason of the report names this number.
usual AS (
    SELECT
        pipeline_id, (array_agg(expected[2] ORDER BY expected[3] DESC, zone_number))[1] AS expected_at,
        min(expected[3]) AS earliest, max(expected[3]) AS latest, max(least(expected[3] - expected[1], expected[4] - expected[2])) AS spread,
        min(gap_after) AS gap_after, min(same_hour) AS weeks
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
        missing_start.*, usual.expected_at, usual.gap_after, usual.weeks,
        -- For a usual gap of more than 45 minutes, and for a shorter one (rules 2 and 4).
        CASE
            WHEN usual.gap_after > 2700 THEN greatest(
                usual.earliest + least(0.4 * usual.gap_after, 3600) * interval '1 second',
                usual.latest + least(0.4 * usual.gap_after, 900) * interval '1 second'
            ) + usual.spread
            ELSE greatest(
                usual.latest + 0.4 * usual.gap_after * interval '1 second',
                missing_start.last_start_at + 1.3 * longest.gap * interval '1 second'
            )
        END AS expected_by
    FROM missing_start
    JOIN usual ON usual.pipeline_id = missing_start.pipeline_id
    -- The longest normal gap of rule 2: the second longest of the last 99 gaps, without nights and days off.
    CROSS JOIN LATERAL (
        SELECT array_agg(extract(epoch FROM gap)::float8) AS gaps
        FROM (
            SELECT r.started_at - lead(r.started_at) OVER (ORDER BY coalesce(r.started_at, '-infinity'::timestamptz) DESC) AS gap
            FROM reporting.runs AS r
            WHERE r.pipeline_id = missing_start.pipeline_id
                AND coalesce(r.started_at, '-infinity'::timestamptz) > '-infinity'::timestamptz
                AND coalesce(r.started_at, '-infinity'::timestamptz) <= missing_start.last_start_at
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
