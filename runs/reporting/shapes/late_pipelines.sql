-- Question   Which pipelines should have started by now?
-- Grain      one row per late pipeline, latest first
-- Inventory  active
-- Panel      Operations: table
-- Parameters
-- Columns
--   client_name        text         Name of the client
--   pipeline_name      text         Name of the pipeline
--   platform           text         Kind of orchestrator
--   environment        text         Where it runs
--   last_start_at      timestamptz  When it last started
--   usual_gap_minutes  numeric      Median gap between its last 20 starts, to 1 place
--   expected_by        timestamptz  Last start + twice that gap + 15 minutes
--   late_minutes       integer      Whole minutes since then
--   client_id          uuid         Key of the client
--   pipeline_id        uuid         Key of the pipeline
--   run_id             uuid         Key of the run that started last
--
-- Regular: at least 10 starts known, and the median absolute deviation of the gaps is at most a quarter of their
-- median. Medians are read from sorted arrays, which is what percentile_cont(0.5) computes, in less time.
WITH starts AS (
    SELECT
        p.client_name, p.pipeline_name, p.platform, p.environment, p.client_id, p.pipeline_id, last.run_id, last.first_starts[1] AS last_start_at,
        last.first_starts AS started
    FROM reporting.pipelines AS p
    CROSS JOIN LATERAL (
        SELECT array_agg(started_at) AS first_starts, (array_agg(run_id))[1] AS run_id
        FROM (
            SELECT r.started_at, r.run_id
            FROM reporting.runs AS r
            WHERE r.pipeline_id = p.pipeline_id
                AND coalesce(r.started_at, '-infinity'::timestamptz) > '-infinity'::timestamptz
                AND coalesce(r.started_at, '-infinity'::timestamptz) <= %(as_of)s
            ORDER BY {latest_first}
            LIMIT 20
        ) AS newest
    ) AS last
    WHERE p.is_active AND {in_scope}
        AND cardinality(last.first_starts) >= 10
        AND last.first_starts[1] < %(as_of)s::timestamptz - interval '15 minutes'
),
gaps AS (
    SELECT
        s.*, g.gaps, (g.gaps[(cardinality(g.gaps) + 1) / 2] + g.gaps[(cardinality(g.gaps) + 2) / 2]) / 2 AS usual
    FROM (
        -- Nearly all are on time, which the lower of the two middle gaps, at most their median, tells sooner.
        SELECT *
        FROM starts
        WHERE %(as_of)s::timestamptz - interval '15 minutes' - last_start_at > 2 * (
            SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY started[n] - started[n + 1])
            FROM generate_series(1, cardinality(started) - 1) AS n
        )
    ) AS s
    CROSS JOIN LATERAL (
        SELECT array_agg(gap ORDER BY gap) AS gaps
        FROM (
            SELECT extract(epoch FROM s.started[n] - s.started[n + 1])::float8 AS gap
            FROM generate_series(1, cardinality(s.started) - 1) AS n
        ) AS between_starts
    ) AS g
),
late AS (
    SELECT *, last_start_at + make_interval(secs => 2 * usual + 900) AS expected_by
    FROM gaps
    WHERE last_start_at + make_interval(secs => 2 * usual + 900) < %(as_of)s
)
SELECT
    late.client_name, late.pipeline_name, late.platform, late.environment, late.last_start_at,
    round((late.usual / 60)::numeric, 1) AS usual_gap_minutes,
    late.expected_by,
    floor(extract(epoch FROM %(as_of)s::timestamptz - late.expected_by) / 60)::bigint AS late_minutes,
    late.client_id, late.pipeline_id, late.run_id
FROM late
CROSS JOIN LATERAL (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(gap - late.usual)) AS deviation
    FROM unnest(late.gaps) AS gap
) AS spread
WHERE spread.deviation <= late.usual / 4
ORDER BY late.expected_by, late.client_name, late.pipeline_name, late.pipeline_id
