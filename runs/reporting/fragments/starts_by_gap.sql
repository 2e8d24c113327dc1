-- CTE bodies of the shape late_pipelines, for rules 5 and 6 of decision 0016. `by_gap` has the pipelines whose rhythm
-- is longer than a week: the same day of each month, or similar gaps. `by_steady_gap` has the pipelines with a steady
-- gap by day and night. Both exclude the pipelines of the CTE `by_week`. The CTE `unplanned` has the pipelines whose
-- next start is not known from the source.
gaps AS MATERIALIZED (
    SELECT
        *,
        -- One month after the last start. In another time zone, a start can be on another day of the month. So add the
        -- month also to times that are 12 hours earlier or later.
        CASE WHEN monthly THEN (
            SELECT max(((last_start_at + shift) AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC' - shift)
            FROM unnest(ARRAY[interval '-12 hours', interval '0', interval '12 hours']) AS shift
        ) END AS month_after
    FROM (
        SELECT
            u.*, between_starts.gaps,
            (
                SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY gap) FROM unnest(between_starts.gaps[1:6]) AS gap
            ) AS usual_gap,
            -- Whether each of the last three gaps is one month, give or take 36 hours. A month has 28 to 31 days. So
            -- compute with months, which is slow, only if each gap is between 26 and 33 days long.
            CASE WHEN least(gaps[1], gaps[2], gaps[3]) < 2246400 OR greatest(gaps[1], gaps[2], gaps[3]) > 2851200 THEN false
                ELSE (
                    SELECT bool_and((
                        SELECT abs(date_part('epoch', max(
                            ((earlier + shift) AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC' - shift
                        ) - later)) <= 129600
                        FROM unnest(ARRAY[interval '-12 hours', interval '0', interval '12 hours']) AS shift
                    ))
                    FROM unnest(between_starts.laters[1:3], between_starts.earliers[1:3]) AS pair (later, earlier)
                )
            END AS monthly
        FROM (
            SELECT
                u.*,
                ARRAY(
                    SELECT r.started_at
                    FROM reporting.runs AS r
                    WHERE r.pipeline_id = u.pipeline_id
                        AND coalesce(r.started_at, '-infinity'::timestamptz) > '-infinity'::timestamptz
                        AND coalesce(r.started_at, '-infinity'::timestamptz) <= u.last_start_at
                    ORDER BY coalesce(r.started_at, '-infinity'::timestamptz) DESC
                    LIMIT 13
                ) AS starts
            FROM unplanned AS u
            WHERE u.judged_at > u.last_start_at + interval '192 hours'
                AND NOT EXISTS (SELECT FROM by_week WHERE by_week.pipeline_id = u.pipeline_id)
            OFFSET 0  -- computes it once
        ) AS u
        CROSS JOIN LATERAL (
            SELECT
                array_agg(date_part('epoch', later - earlier) ORDER BY later DESC, earlier DESC) AS gaps,
                array_agg(later ORDER BY later DESC, earlier DESC) AS laters,
                array_agg(earlier ORDER BY later DESC, earlier DESC) AS earliers
            FROM unnest(u.starts[1:12], u.starts[2:13]) AS pair (later, earlier)
            WHERE later - earlier >= interval '1 hour'
        ) AS between_starts
        WHERE cardinality(between_starts.gaps) >= 2
            -- At least eight days.
            AND (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY gap) FROM unnest(between_starts.gaps) AS gap) >= 691200
        OFFSET 0
    ) AS long
),
by_gap AS (
    SELECT
        gaps.*,
        CASE WHEN monthly THEN month_after ELSE last_start_at + usual_gap * interval '1 second' END AS expected_at,
        CASE WHEN monthly THEN month_after ELSE last_start_at + alike.longest * interval '1 second' END
            + interval '36 hours' AS expected_by
    FROM gaps
    CROSS JOIN LATERAL (
        SELECT max(gap) AS longest, count(*) AS gaps
        FROM unnest(gaps.gaps[1:6]) AS gap
        WHERE abs(gap - usual_gap) <= greatest(129600, usual_gap / 8)
    ) AS alike
    WHERE monthly OR (cardinality(gaps.gaps) >= 4 AND 4 * alike.gaps >= 3 * least(cardinality(gaps.gaps), 6))
),
-- Pipelines with a steady gap by day and night, such as every five hours. Starts of eight days are enough.
by_steady_gap AS (
    SELECT
        u.*, u.last_start_at + steady.usual * interval '1 second' AS expected_at, steady.usual,
        u.last_start_at + (alike.longest + greatest(0.25 * steady.usual, 600)) * interval '1 second' AS expected_by
    FROM unplanned AS u
    CROSS JOIN LATERAL (
        SELECT array_agg(started_at) AS starts
        FROM (
            SELECT r.started_at
            FROM reporting.runs AS r
            WHERE r.pipeline_id = u.pipeline_id
                AND coalesce(r.started_at, '-infinity'::timestamptz) >= u.last_start_at - interval '360 hours'
                AND coalesce(r.started_at, '-infinity'::timestamptz) <= u.last_start_at
            ORDER BY coalesce(r.started_at, '-infinity'::timestamptz) DESC
            -- A pipeline whose last 1500 starts cover less than eight days has no steady gap.
            LIMIT 1500
        ) AS last_starts
    ) AS newest
    CROSS JOIN LATERAL (
        SELECT
            array_agg(gap) AS gaps, percentile_disc(0.5) WITHIN GROUP (ORDER BY gap) AS usual,
            date_part('epoch', u.last_start_at - newest.starts[cardinality(newest.starts)]) AS span
        FROM (
            SELECT date_part('epoch', later - earlier) AS gap
            FROM unnest(newest.starts, newest.starts[2:]) AS pair (later, earlier)
            WHERE later - earlier >= interval '1 minute'
        ) AS between_starts
    ) AS steady
    CROSS JOIN LATERAL (
        SELECT max(gap) AS longest, sum(gap) AS covered
        FROM unnest(steady.gaps) AS gap
        WHERE abs(gap - steady.usual) <= steady.usual / 4
    ) AS alike
    WHERE u.judged_at > u.last_start_at + u.gap * interval '1 second'
        AND NOT EXISTS (SELECT FROM by_week WHERE by_week.pipeline_id = u.pipeline_id)
        AND NOT EXISTS (SELECT FROM by_gap WHERE by_gap.pipeline_id = u.pipeline_id)
        AND cardinality(steady.gaps) >= 5
        AND steady.span >= 691200  -- eight days
        AND alike.covered >= 0.9 * steady.span
)
