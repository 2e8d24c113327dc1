-- CTE bodies of the shape late_pipelines, for rules 5 and 6 of decision 0016. `by_gap` has the pipelines whose rhythm
-- is longer than a week: the same day of each month, or similar gaps. `by_steady_gap` has the pipelines with a steady
-- gap by day and night. Both exclude the pipelines of the CTE `by_week`. The CTE `unplanned` has the pipelines whose next start
-- is not known from the source.
gaps AS (
    SELECT
        u.*, between_starts.gaps, between_starts.monthly,
        (
            SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY gap) FROM unnest(between_starts.gaps[1:6]) AS gap
        ) AS usual_gap,
        month.after AS month_after
    FROM unplanned AS u
    CROSS JOIN LATERAL (
        SELECT array_agg(started_at) AS starts
        FROM (
            SELECT r.started_at
            FROM reporting.runs AS r
            WHERE r.pipeline_id = u.pipeline_id
                AND coalesce(r.started_at, '-infinity'::timestamptz) > '-infinity'::timestamptz
                AND coalesce(r.started_at, '-infinity'::timestamptz) <= u.last_start_at
            ORDER BY coalesce(r.started_at, '-infinity'::timestamptz) DESC
            LIMIT 13
        ) AS last_thirteen
    ) AS newest
    CROSS JOIN LATERAL (
        SELECT
            array_agg(extract(epoch FROM later - earlier)::float8 ORDER BY gap_number) AS gaps,
            bool_and(monthly) AS monthly
        FROM (
            SELECT
                later, earlier, gap_number,
                -- Whether the gap is one month, give or take 36 hours. In another time zone, a start can be on another day of
                -- the month. So add the month also to times that are 12 hours earlier or later. Check only the last three
                -- gaps, because computing with months is slow.
                CASE WHEN gap_number <= 3 THEN (
                    SELECT abs(extract(epoch FROM max(
                        ((earlier + shift) AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC' - shift
                    ) - later)) <= 129600
                    FROM unnest(ARRAY[interval '-12 hours', interval '0', interval '12 hours']) AS shift
                ) END AS monthly
            FROM (
                SELECT later, earlier, row_number() OVER (ORDER BY nth) AS gap_number
                FROM unnest(newest.starts[1:12], newest.starts[2:13]) WITH ORDINALITY AS pair (later, earlier, nth)
                WHERE later - earlier >= interval '1 hour'
                OFFSET 0  -- numbers the gaps before it computes months
            ) AS counted
        ) AS pairs
    ) AS between_starts
    CROSS JOIN LATERAL (
        SELECT max(((u.last_start_at + shift) AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC' - shift) AS after
        FROM unnest(ARRAY[interval '-12 hours', interval '0', interval '12 hours']) AS shift
    ) AS month
    WHERE u.judged_at > u.last_start_at + interval '192 hours'
        AND NOT EXISTS (SELECT FROM by_week WHERE by_week.pipeline_id = u.pipeline_id)
        AND cardinality(between_starts.gaps) >= 2
        AND (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY gap) FROM unnest(between_starts.gaps) AS gap) >= 691200
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
            LIMIT 1500
        ) AS two_weeks
    ) AS newest
    CROSS JOIN LATERAL (
        SELECT
            array_agg(gap) AS gaps, percentile_disc(0.5) WITHIN GROUP (ORDER BY gap) AS usual,
            extract(epoch FROM u.last_start_at - newest.starts[cardinality(newest.starts)]) AS span
        FROM (
            SELECT extract(epoch FROM starts[n] - starts[n + 1])::float8 AS gap
            FROM generate_series(1, cardinality(newest.starts) - 1) AS n
            WHERE starts[n] - starts[n + 1] >= interval '1 minute'
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
        AND steady.span >= 691200
        AND alike.covered >= 0.9 * steady.span
)
