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
--   last_start_at      timestamptz?  When the pipeline last started; null: it never started, and its source planned the
--                                    first start
--   usual_gap_minutes  numeric?      Median of the gaps between its last 20 starts, to 1 place; null: fewer than 3
--                                    starts, or the gaps are not regular
--   expected_at        timestamptz   When the next start was expected
--   expected_by        timestamptz   From this time on the pipeline is late: `expected_at` plus a grace period
--   late_minutes       integer       Whole minutes since `expected_by`
--   reason             text          Why a start was expected
--   client_id          uuid          Key of the client
--   pipeline_id        uuid          Key of the pipeline
--   run_id             uuid?         Key of the run that started last
--   source_url         text?         Page of that run at the source; null: unknown
--
-- A pipeline is late if it has not started at the time at which a start was expected. If the source plans the next
-- start, this plan decides. Otherwise CHM learns the rhythm from past starts. Paused and stale pipelines are never
-- late. A pipeline with an open run is late only if this run is running long. CHM judges only the time up to which it
-- has read the source. Example: it has read the source until 10:00. Then a start at 10:05 is not missing yet.
--
-- Decision 0016 explains the rule with examples. tools/support/lateness.py is the same rule in Python, and a test
-- compares the SQL with it. CHM predicts the next start from the four weeks before the last start. It uses the time
-- zones in which earlier weeks predict recent starts best. If there is no weekly rhythm, the gaps between earlier
-- starts decide. Intervals are in hours, because a day of PostgreSQL can have 23 or 25 hours, depending on the
-- session's time zone.
WITH judged AS (
    SELECT p.pipeline_id, p.source_next_run_at, least(%(as_of)s::timestamptz, p.ingested_through) AS judged_at
    FROM reporting.pipelines AS p
    WHERE p.is_active AND {in_scope}
        AND p.source_paused IS NOT TRUE
        AND ({stale}) IS NOT TRUE
    -- The same order as in the index runs_latest, so that searches in this index find more of its pages in the cache.
    ORDER BY p.pipeline_id
),
-- The pipelines that can be late. A pipeline is left out if it has started in the 5 minutes before judged_at. A
-- pipeline without a plan is also left out if it has started so recently that no rule can apply. Each step is a
-- subquery, because a chain of LATERAL joins would be slower: PostgreSQL would store the results of each join.
silent AS MATERIALIZED (
    SELECT *
    FROM (
        SELECT
            pipeline_id, source_next_run_at, judged_at, last_start_at, gap,
            -- Example: the last start was on Monday 6:00, and skip_within is 25 minutes. In an earlier week, a start
            -- until Monday 6:25 corresponds to the last start. It is not a next start.
            CASE
                WHEN has_four_starts
                    THEN greatest(least(0.75 * gap, 1500), least(0.4 * gap, 7200)) * interval '1 second'
            END AS skip_within
        FROM (
            SELECT
                pipeline_id, source_next_run_at, judged_at, last_start_at, has_four_starts,
                -- The median of the three gaps, in seconds. If one or two are null, the shortest of the others.
                date_part('epoch', CASE
                    WHEN num_nulls(newest_gap, middle_gap, oldest_gap) = 0 THEN greatest(
                        least(newest_gap, middle_gap), least(greatest(newest_gap, middle_gap), oldest_gap)
                    )
                    ELSE least(newest_gap, middle_gap, oldest_gap)
                END) AS gap
            FROM (
                SELECT
                    pipeline_id, source_next_run_at, judged_at, starts[1] AS last_start_at,
                    starts[4] IS NOT NULL AS has_four_starts,
                    CASE WHEN starts[1] - starts[2] >= interval '1 minute' THEN starts[1] - starts[2] END AS newest_gap,
                    CASE WHEN starts[2] - starts[3] >= interval '1 minute' THEN starts[2] - starts[3] END AS middle_gap,
                    CASE WHEN starts[3] - starts[4] >= interval '1 minute' THEN starts[3] - starts[4] END AS oldest_gap
                FROM (
                    SELECT
                        j.*,
                        ARRAY(
                            SELECT r.started_at
                            FROM reporting.runs AS r
                            WHERE r.pipeline_id = j.pipeline_id
                                AND coalesce(r.started_at, '-infinity'::timestamptz) > '-infinity'::timestamptz
                                AND coalesce(r.started_at, '-infinity'::timestamptz) <= j.judged_at
                            ORDER BY coalesce(r.started_at, '-infinity'::timestamptz) DESC
                            LIMIT 4
                        ) AS starts
                    FROM judged AS j
                    OFFSET 0  -- computes each level once
                ) AS newest
                WHERE starts[1] IS NULL OR starts[1] < judged_at - interval '5 minutes'
                OFFSET 0
            ) AS gaps
            OFFSET 0
        ) AS with_gap
        OFFSET 0
    ) AS skipping
    WHERE source_next_run_at > coalesce(last_start_at, '-infinity')
        OR judged_at > last_start_at
            + least(skip_within + interval '5 minutes', gap * interval '1 second', interval '192 hours')
),
planned AS (
    SELECT
        pipeline_id, judged_at, last_start_at, source_next_run_at AS expected_at,
        source_next_run_at + interval '15 minutes' AS expected_by
    FROM silent
    WHERE source_next_run_at > coalesce(last_start_at, '-infinity')
),
unplanned AS (
    SELECT pipeline_id, judged_at, last_start_at, gap, skip_within
    FROM silent
    WHERE source_next_run_at IS NULL OR source_next_run_at <= last_start_at
),
{clock_zones},
{starts_by_week},
{starts_by_gap},
late AS (
    SELECT
        pipeline_id, last_start_at, expected_at, expected_by, 'Its source had planned it for ' || to_char(expected_at AT TIME ZONE 'UTC', 'FMDD FMMonth HH24:MI')
            || ' UTC' AS reason
    FROM planned
    WHERE expected_by < judged_at
    UNION ALL
    SELECT
        pipeline_id, last_start_at, expected_at, expected_by,
        CASE WHEN gap_after <= 2700
            THEN 'Started about every ' || round(gap_after / 60) || ' minutes at this time of the week'
            ELSE 'Started at about ' || to_char(expected_at AT TIME ZONE 'UTC', 'HH24:MI') || ' UTC'
        END
        || CASE weeks WHEN 4 THEN ' on each of the ' WHEN 3 THEN ' on three of the ' WHEN 2 THEN ' on two of the '
            ELSE ' on one of the ' END
        || CASE WHEN expected_at > %(as_of)s::timestamptz - interval '168 hours' THEN 'last four ' ELSE 'four ' END
        || to_char(expected_at AT TIME ZONE 'UTC', 'FMDay') || 's'
        || CASE WHEN expected_at > %(as_of)s::timestamptz - interval '168 hours' THEN '' ELSE ' before' END
    FROM by_week
    WHERE expected_by < judged_at
    UNION ALL
    SELECT
        pipeline_id, last_start_at, expected_at, expected_by,
        CASE WHEN monthly THEN 'Started at about the same day of each month, last on '
            ELSE 'Started about every ' || round(usual_gap / 86400) || ' days, last on '
        END || to_char(last_start_at AT TIME ZONE 'UTC', 'FMDD FMMonth')
    FROM by_gap
    WHERE expected_by < judged_at
    UNION ALL
    SELECT
        pipeline_id, last_start_at, expected_at, expected_by,
        'Started every ' || CASE
            WHEN usual < 5400 THEN round(usual / 60) || ' minutes'
            WHEN usual < 129600 THEN round(usual / 3600) || ' hours'
            ELSE round(usual / 86400) || ' days'
        END || ', by day and night'
    FROM by_steady_gap
    WHERE expected_by < judged_at
)
SELECT
    p.client_name, p.pipeline_name, p.platform, p.environment, l.last_start_at, usual.usual_gap_minutes, l.expected_at,
    l.expected_by,
    floor(extract(epoch FROM %(as_of)s::timestamptz - l.expected_by) / 60)::bigint AS late_minutes, l.reason,
    p.client_id, p.pipeline_id, newest.run_id,
    (SELECT r.source_url FROM reporting.runs AS r WHERE r.run_id = newest.run_id) AS source_url
FROM late AS l
JOIN reporting.pipelines AS p ON p.pipeline_id = l.pipeline_id
CROSS JOIN LATERAL (
    SELECT array_agg(started_at) AS starts, (array_agg(run_id))[1] AS run_id
    FROM (
        SELECT r.started_at, r.run_id
        FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id
            AND coalesce(r.started_at, '-infinity'::timestamptz) > '-infinity'::timestamptz
            AND coalesce(r.started_at, '-infinity'::timestamptz) <= l.last_start_at
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
-- A pipeline with an open run is not late, unless this run is running long.
WHERE NOT (
    {has_open_run}
    AND EXISTS (
        SELECT FROM {open_runs} AS o
        WHERE o.pipeline_id = p.pipeline_id AND (o.long_after IS NULL OR o.long_after >= %(as_of)s)
        OFFSET 0  -- computes it only for late pipelines with an open run
    )
)
ORDER BY l.expected_by, p.client_name, p.pipeline_name, p.pipeline_id
