-- Question   Which pipelines should have started by now?
-- Grain      one row per late pipeline, the longest delay first
-- Inventory  active
-- Panel      Operations: table
-- Parameters
-- Columns
--   client_name        text          Name of the client
--   pipeline_name      text          Name of the pipeline
--   platform           text          Kind of orchestrator
--   environment        text          Where the pipeline runs
--   last_start_at      timestamptz?  When the pipeline last started; null: it never started, but its source planned a
--                                    start
--   usual_gap_minutes  numeric?      Median of the gaps between its last 20 starts, to 1 place; null: the gaps are not
--                                    regular
--   expected_at        timestamptz   When the next start was expected
--   expected_by        timestamptz   From this time on the pipeline is late: expected_at plus a grace period
--   late_minutes       integer       Whole minutes since expected_by
--   reason             text          Why a start was expected
--   client_id          uuid          Key of the client
--   pipeline_id        uuid          Key of the pipeline
--   run_id             uuid?         Key of the run that started last
--   source_url         text?         Page of that run at the source; null: unknown
--
-- A pipeline is late if it has not started at the time at which a start was expected. If the source plans the next
-- start, this plan decides. Otherwise CHM learns the rhythm from past starts. Paused and stale pipelines are never
-- late. A pipeline with an open run is late only if this run is running long. CHM compares the expected start with the
-- time up to which it has read the source, because it cannot have seen later starts.
--
-- Decision 0016 explains the rule with examples; tools/support/lateness.py is the same rule in Python, and a test
-- compares both. The next start is predicted from the weeks before the last start, by the clocks of the time
-- zones that explain recent starts best. If the last start is more than eight days ago, the gaps between earlier starts
-- decide. Durations are in hours, because days depend on the time zone of the session.
WITH judged AS (
    SELECT
        p.client_id, p.client_name, p.pipeline_id, p.pipeline_name, p.platform, p.environment, p.source_next_run_at,
        least(%(as_of)s::timestamptz, p.ingested_through) AS judged_at
    FROM reporting.pipelines AS p
    WHERE p.is_active AND {in_scope}
        AND p.source_paused IS NOT TRUE
        AND ({stale}) IS NOT TRUE
),
silent AS MATERIALIZED (
    SELECT
        j.*, newest.starts[1] AS last_start_at, recent.gap,
        -- A start this soon after the same time of an earlier week corresponds to the last start, not to the next one.
        greatest(least(0.75 * recent.gap, 1500), least(0.4 * recent.gap, 7200))
            * CASE WHEN cardinality(newest.starts) = 4 THEN interval '1 second' END AS skipped
    FROM judged AS j
    CROSS JOIN LATERAL (
        SELECT ARRAY(
            SELECT r.started_at
            FROM reporting.runs AS r
            WHERE r.pipeline_id = j.pipeline_id
                AND coalesce(r.started_at, '-infinity'::timestamptz) > '-infinity'::timestamptz
                AND coalesce(r.started_at, '-infinity'::timestamptz) <= j.judged_at
            ORDER BY coalesce(r.started_at, '-infinity'::timestamptz) DESC
            LIMIT 4
        ) AS starts
        OFFSET 0  -- computes it once
    ) AS newest
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN newest >= 60 THEN newest END AS newest, CASE WHEN middle >= 60 THEN middle END AS middle,
            CASE WHEN oldest >= 60 THEN oldest END AS oldest
        FROM (
            SELECT
                extract(epoch FROM starts[1] - starts[2])::float8 AS newest,
                extract(epoch FROM starts[2] - starts[3])::float8 AS middle,
                extract(epoch FROM starts[3] - starts[4])::float8 AS oldest
            OFFSET 0
        ) AS seconds
        OFFSET 0
    ) AS gaps
    CROSS JOIN LATERAL (
        -- The median, or the shorter one of two gaps.
        SELECT CASE
            WHEN num_nulls(gaps.newest, middle, oldest) = 0
                THEN greatest(least(gaps.newest, middle), least(greatest(gaps.newest, middle), oldest))
            ELSE least(gaps.newest, middle, oldest)
        END AS gap
        OFFSET 0
    ) AS recent
    WHERE newest.starts[1] IS NULL OR newest.starts[1] < j.judged_at - interval '5 minutes'
),
planned AS (
    SELECT s.*, s.source_next_run_at AS expected_at, s.source_next_run_at + interval '15 minutes' AS expected_by
    FROM silent AS s
    WHERE s.source_next_run_at > coalesce(s.last_start_at, '-infinity')
),
unplanned AS (
    SELECT * FROM silent WHERE source_next_run_at IS NULL OR source_next_run_at <= last_start_at
),
-- UTC, and a zone for each kind of clock change if its clocks changed in the weeks that are compared.
zones AS MATERIALIZED (
    SELECT zone, place
    FROM unnest(ARRAY['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Sydney']) WITH ORDINALITY AS z (zone, place)
    WHERE zone = 'UTC' OR EXISTS (
        SELECT FROM generate_series(1, 5) AS week
        CROSS JOIN LATERAL (
            SELECT %(as_of)s::timestamptz AS today, %(as_of)s::timestamptz - week * interval '168 hours' AS former
        ) AS compared
        WHERE (today AT TIME ZONE zone) - (today AT TIME ZONE 'UTC')
            <> (former AT TIME ZONE zone) - (former AT TIME ZONE 'UTC')
    )
),
-- Whether a zone's clocks changed between a moment of the last week and the same time in an earlier week.
weeks AS MATERIALIZED (
    SELECT
        zone, place, week,
        (today AT TIME ZONE zone) - (today AT TIME ZONE 'UTC')
            <> (former AT TIME ZONE zone) - (former AT TIME ZONE 'UTC') AS is_shifted
    FROM zones
    CROSS JOIN generate_series(1, 4) AS week
    CROSS JOIN LATERAL (
        SELECT
            %(as_of)s::timestamptz AS today, %(as_of)s::timestamptz - (week + 1) * interval '168 hours' AS former
    ) AS compared
),
any_zone AS MATERIALIZED (
    SELECT week, week * interval '168 hours' AS ago, bool_or(is_shifted) AS is_shifted, max(place) > 1 AS has_zones
    FROM weeks
    GROUP BY week
),
-- Most pipelines are on time. They are excluded here: in two earlier weeks they had no start in the interval that
-- corresponds to the time from the last start until now. In any zone this interval differs from the one in UTC by at
-- most an hour.
candidates AS MATERIALIZED (
    SELECT u.*, u.last_start_at >= %(as_of)s::timestamptz - interval '168 hours' AS is_recent
    FROM unplanned AS u
    WHERE u.judged_at > u.last_start_at + u.skipped + interval '5 minutes'
        AND (
            SELECT count(*)
            FROM (
                SELECT
                FROM any_zone AS w
                CROSS JOIN LATERAL (
                    SELECT CASE
                        WHEN w.is_shifted THEN interval '1 hour'
                        WHEN w.has_zones AND u.last_start_at < %(as_of)s::timestamptz - interval '168 hours'
                            THEN interval '1 hour'
                        ELSE interval '0'
                    END AS wider
                    OFFSET 0
                ) AS by_zones
                WHERE NOT EXISTS (
                    SELECT FROM reporting.runs AS r
                    WHERE r.pipeline_id = u.pipeline_id
                        AND coalesce(r.started_at, '-infinity'::timestamptz) > u.last_start_at - ago + u.skipped - wider
                        AND coalesce(r.started_at, '-infinity'::timestamptz)
                            <= u.judged_at - ago - interval '5 minutes' + wider
                )
                LIMIT 2
            ) AS weeks_without
        ) < 2
),
-- The starts of 36 days, oldest first. All later comparisons use them.
histories AS MATERIALIZED (
    SELECT
        c.*,
        ARRAY(
            SELECT r.started_at
            FROM reporting.runs AS r
            WHERE r.pipeline_id = c.pipeline_id
                AND coalesce(r.started_at, '-infinity'::timestamptz) >= c.last_start_at - interval '865 hours'
                AND coalesce(r.started_at, '-infinity'::timestamptz) <= c.last_start_at
            ORDER BY coalesce(r.started_at, '-infinity'::timestamptz)
        ) AS starts
    FROM candidates AS c
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
    WHERE EXISTS (
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
            SELECT count(*)
            FROM {first_starts} AS of_week
            WHERE first_at <= ((h.judged_at AT TIME ZONE zones.zone) - week * interval '7 days') AT TIME ZONE zones.zone
                - interval '5 minutes'
        ) >= 3
    )
),
-- How well earlier weeks predict the last starts in each zone.
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
),
-- Rhythms longer than a week: the same day of each month, or similar gaps.
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
            array_agg(extract(epoch FROM later - earlier)::float8 ORDER BY place) AS gaps,
            bool_and(monthly) FILTER (WHERE place <= 3) AS monthly
        FROM (
            SELECT
                later, earlier, row_number() OVER (ORDER BY nth) AS place,
                greatest(month.after - later, later - month.after) <= interval '36 hours' AS monthly
            FROM unnest(newest.starts[1:12], newest.starts[2:13]) WITH ORDINALITY AS pair (later, earlier, nth)
            CROSS JOIN LATERAL (
                SELECT max(
                    ((earlier + shift) AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC' - shift
                ) AS after
                FROM unnest(ARRAY[interval '-12 hours', interval '0', interval '12 hours']) AS shift
            ) AS month
            WHERE later - earlier >= interval '1 hour'
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
-- A steady gap by day and night, such as every seven hours. This also finds a pipeline in its second week.
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
),
late AS (
    SELECT
        client_id, client_name, pipeline_id, pipeline_name, platform, environment, last_start_at, expected_at,
        expected_by, 'Its source had planned it for ' || to_char(expected_at AT TIME ZONE 'UTC', 'FMDD FMMonth HH24:MI')
            || ' UTC' AS reason
    FROM planned
    WHERE expected_by < judged_at
    UNION ALL
    SELECT
        client_id, client_name, pipeline_id, pipeline_name, platform, environment, last_start_at, expected_at,
        expected_by,
        CASE WHEN following <= 2700
            THEN 'Started about every ' || round(following / 60) || ' minutes at this time of the week'
            ELSE 'Started at about ' || to_char(expected_at AT TIME ZONE 'UTC', 'HH24:MI') || ' UTC'
        END
        || CASE WHEN weeks = 4 THEN ' on each of the ' ELSE ' on three of the ' END
        || CASE WHEN expected_at > %(as_of)s::timestamptz - interval '168 hours' THEN 'last four ' ELSE 'four ' END
        || to_char(expected_at AT TIME ZONE 'UTC', 'FMDay') || 's'
        || CASE WHEN expected_at > %(as_of)s::timestamptz - interval '168 hours' THEN '' ELSE ' before' END
    FROM by_week
    WHERE expected_by < judged_at
    UNION ALL
    SELECT
        client_id, client_name, pipeline_id, pipeline_name, platform, environment, last_start_at, expected_at,
        expected_by,
        CASE WHEN monthly THEN 'Started at about the same day of each month, last on '
            ELSE 'Started about every ' || round(usual_gap / 86400) || ' days, last on '
        END || to_char(last_start_at AT TIME ZONE 'UTC', 'FMDD FMMonth')
    FROM by_gap
    WHERE expected_by < judged_at
    UNION ALL
    SELECT
        client_id, client_name, pipeline_id, pipeline_name, platform, environment, last_start_at, expected_at,
        expected_by,
        'Started every ' || CASE
            WHEN usual < 5400 THEN round(usual / 60) || ' minutes'
            WHEN usual < 129600 THEN round(usual / 3600) || ' hours'
            ELSE round(usual / 86400) || ' days'
        END || ', by day and night'
    FROM by_steady_gap
    WHERE expected_by < judged_at
)
SELECT
    p.client_name, p.pipeline_name, p.platform, p.environment, p.last_start_at, usual.usual_gap_minutes, p.expected_at,
    p.expected_by,
    floor(extract(epoch FROM %(as_of)s::timestamptz - p.expected_by) / 60)::bigint AS late_minutes, p.reason,
    p.client_id, p.pipeline_id, newest.run_id,
    (SELECT r.source_url FROM reporting.runs AS r WHERE r.run_id = newest.run_id) AS source_url
FROM late AS p
CROSS JOIN LATERAL (
    SELECT array_agg(started_at) AS starts, (array_agg(run_id))[1] AS run_id
    FROM (
        SELECT r.started_at, r.run_id
        FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id
            AND coalesce(r.started_at, '-infinity'::timestamptz) > '-infinity'::timestamptz
            AND coalesce(r.started_at, '-infinity'::timestamptz) <= p.last_start_at
        ORDER BY {latest_first}
        LIMIT 20
    ) AS last_twenty
) AS newest
CROSS JOIN LATERAL (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM later - earlier)::float8) AS gap
    FROM unnest(newest.starts[1:19], newest.starts[2:20]) AS pair (later, earlier)
    WHERE cardinality(newest.starts) >= 3
) AS middle
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(extract(epoch FROM later - earlier)::float8 - middle.gap))
            <= middle.gap / 4
        THEN round((middle.gap / 60)::numeric, 1)
    END AS usual_gap_minutes
    FROM unnest(newest.starts[1:19], newest.starts[2:20]) AS pair (later, earlier)
) AS usual
-- An open run delays the next start, unless it is running long.
WHERE NOT (
    {has_open_run}
    AND EXISTS (
        SELECT FROM {open_runs} AS o
        WHERE o.pipeline_id = p.pipeline_id AND (o.long_after IS NULL OR o.long_after >= %(as_of)s)
        OFFSET 0  -- computes it only for late pipelines with an open run
    )
)
ORDER BY p.expected_by, p.client_name, p.pipeline_name, p.pipeline_id
