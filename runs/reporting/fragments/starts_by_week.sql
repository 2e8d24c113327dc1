-- CTE bodies of the shape late_pipelines, for rules 2 and 3 of decision 0016. They read the CTEs `unplanned`, `zones`,
-- `weeks` and `any_zone`. `by_week` has the pipelines for which earlier weeks predict a start that has not come.
candidates AS MATERIALIZED (
    -- Most pipelines are on time. They are excluded here: in two earlier weeks they had no start in the interval that
    -- corresponds to the time from the last start until now. In other zones than UTC it begins and ends up to an hour
    -- earlier or later.
    SELECT u.*
    FROM (
        SELECT
            *, last_start_at >= %(as_of)s::timestamptz - interval '72 hours' AS is_recent,
            -- Rules 5 and 6 may apply to these pipelines, if rule 2 does not. So rule 2 must be decided exactly.
            judged_at > last_start_at + least(gap * interval '1 second', interval '160 hours') AS is_overdue
        FROM unplanned
        WHERE judged_at > last_start_at + skipped + interval '5 minutes'
        OFFSET 0  -- computes it once
    ) AS u
    WHERE (
        SELECT count(*)
        FROM (
            SELECT
            FROM any_zone AS w
            WHERE NOT EXISTS (
                SELECT FROM reporting.runs AS r
                WHERE r.pipeline_id = u.pipeline_id
                    AND coalesce(r.started_at, '-infinity'::timestamptz) > u.last_start_at - ago + u.skipped
                        + CASE WHEN u.is_recent THEN w.min_shift ELSE - w.any_shift END
                    AND coalesce(r.started_at, '-infinity'::timestamptz) <= u.judged_at - ago - interval '5 minutes'
                        + CASE WHEN u.is_recent THEN w.max_shift ELSE w.any_shift END
            )
            LIMIT 2
        ) AS weeks_without
    ) < 2
),
-- Most of the others had no start by this time in three weeks, or their next starts did not agree within two hours. A few
-- starts of each week show this: those until 4 hours after this time. If three next starts agree, and one of them is even
-- later, then none of the three is by this time. So a zone with at most one start by this time is not excluded.
likely AS MATERIALIZED (
    SELECT h.*
    FROM (
        SELECT
            c.*,
            CASE WHEN NOT is_overdue THEN ARRAY(
                SELECT r.started_at
                FROM any_zone AS w
                JOIN reporting.runs AS r ON r.pipeline_id = c.pipeline_id
                    AND coalesce(r.started_at, '-infinity'::timestamptz)
                        > c.last_start_at - ago + c.skipped - interval '1 hour'
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
-- The starts of 36 days, oldest first. All later comparisons use them.
histories AS MATERIALIZED (
    SELECT
        c.client_id, c.client_name, c.pipeline_id, c.pipeline_name, c.platform, c.environment, c.judged_at, c.last_start_at, c.gap, c.skipped, c.is_recent,
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
-- Regular pipelines with a missing start: in three of the four weeks there was a start by this time, and three starts
-- agree within two hours.
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
-- For each zone, how well earlier weeks predict the last starts: `close` and `near` of `tried` predictions were right.
fits AS MATERIALIZED (
    SELECT recent.pipeline_id, z.zone, z.place, fit.*
    FROM recent
    CROSS JOIN zones AS z
    CROSS JOIN LATERAL (
        SELECT
            count(*) AS tried, count(*) FILTER (WHERE distance <= recent.tolerance) AS close,
            count(*) FILTER (WHERE distance <= interval '30 minutes') AS near
        FROM (
            SELECT least(same_time - recent.starts[n], recent.starts[n + 1] - same_time) AS distance
            FROM (
                SELECT same_time, width_bucket(same_time, recent.starts) AS n
                FROM (
                    SELECT CASE
                        WHEN z.place = 1 THEN started_at - week * interval '168 hours'
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
    SELECT pipeline_id, max(near) AS near
    FROM fits
    GROUP BY pipeline_id
    HAVING max(close) >= 0.65 * max(tried)
),
-- The next start after the same time as the last start, in each week. A start that is nearer to that time than the
-- start before it is the counterpart of the last start, so the start after it counts. The same is true for a start
-- within 30 minutes before a long silence, because it is the last of several that belong together.
next_starts AS (
    SELECT
        h.pipeline_id, zones.zone, zones.place,
        ((next_start.started_at AT TIME ZONE zones.zone) + week * interval '7 days') AT TIME ZONE zones.zone
            AS expected_at,
        coalesce(extract(epoch FROM next_start.following_at - next_start.started_at)::float8, 604800) AS following
    FROM recent AS h
    JOIN best ON best.pipeline_id = h.pipeline_id
    JOIN fits AS zones ON zones.pipeline_id = h.pipeline_id AND zones.near >= best.near - 1
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
        pipeline_id, place, array_agg(expected_at ORDER BY expected_at) AS expected,
        percentile_disc(0.5) WITHIN GROUP (ORDER BY following) AS following
    FROM next_starts
    GROUP BY pipeline_id, place
),
-- A pipeline is late only if it is late in all zones that predict equally well, so the latest expected start counts.
usual AS (
    SELECT
        pipeline_id, (array_agg(expected[2] ORDER BY expected[3] DESC, place))[1] AS expected_at,
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
    -- The second longest of the last gaps, without nights and days off.
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
