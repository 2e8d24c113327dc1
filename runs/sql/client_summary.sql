-- Question    How many runs of each status did a client have in a window, and which was the latest of each pipeline?
-- Grain       one row per pipeline with a run in the window, including disabled ones
-- Columns     pipeline_id, pipeline_name, platform, latest_status, latest_run_at, and one count per status. The counts
--             are those of the whole client, so they are the same in each row
-- Parameters  client_id; since (inclusive) and until (exclusive): compared with started_at, or with event_at if
--             a run has no start
--
-- Whole days of a window of at most a year are read from the roll-up, and the rest of the window from the runs. A run
-- belongs to the window by started_at, but to a day of the roll-up by event_at. So runs whose two days differ are added
-- or subtracted. They are few, and the indexes runs_other_day and runs_other_day_by_start contain only them. The first of
-- the two also contains the runs without a start.
--
-- For a longer window in which most runs of the client are, the runs outside of it are read, because these are fewer. The
-- counts of the window are then the sum of all months minus the counted runs. The months of a window do not help: their
-- runs can be outside of the window. They only give an estimate of whether most runs are in it.
WITH client_months AS MATERIALIZED (
    SELECT month, running, success, failed, canceled, skipped
    FROM rollup.months
    WHERE client_id = %(client_id)s
        -- For a short window, reading its runs takes less time than reading the months.
        AND %(until)s - %(since)s > interval '62 days'
),
history AS MATERIALIZED (
    SELECT
        sum(running)::bigint AS running,
        sum(success)::bigint AS success,
        sum(failed)::bigint AS failed,
        sum(canceled)::bigint AS canceled,
        sum(skipped)::bigint AS skipped,
        coalesce(
            2 * sum(running + success + failed + canceled + skipped) FILTER (
                WHERE month >= %(since)s AND month < %(until)s
            ) > sum(running + success + failed + canceled + skipped),
            false
        ) AS is_mostly_in_window
    FROM client_months
),
-- The whole days of the window, [begins, ends). Without them, `begins` and `ends` are the start of the window.
whole_days AS MATERIALIZED (
    SELECT
        CASE WHEN is_used THEN first_midnight ELSE %(since)s END AS begins,
        CASE WHEN is_used THEN last_midnight ELSE %(since)s END AS ends
    FROM history
    CROSS JOIN LATERAL (
        SELECT
            date_bin('1 day', %(since)s + interval '24 hours' - interval '1 microsecond', '2001-01-01T00:00:00Z')
                AS first_midnight,
            date_bin('1 day', %(until)s, '2001-01-01T00:00:00Z') AS last_midnight
    ) AS midnights
    CROSS JOIN LATERAL (
        SELECT NOT is_mostly_in_window AND first_midnight < last_midnight
            AND %(until)s - %(since)s <= interval '366 days' AS is_used
    ) AS decided
),
counted_days AS MATERIALIZED (
    SELECT
        coalesce(sum(running), 0) AS running,
        coalesce(sum(success), 0) AS success,
        coalesce(sum(failed), 0) AS failed,
        coalesce(sum(canceled), 0) AS canceled,
        coalesce(sum(skipped), 0) AS skipped
    FROM (
        SELECT array_agg((midnight AT TIME ZONE 'UTC')::date) AS days
        FROM whole_days
        CROSS JOIN generate_series(begins, ends - interval '1 hour', interval '24 hours') AS midnight
    ) AS whole
    CROSS JOIN LATERAL (
        SELECT running, success, failed, canceled, skipped
        FROM rollup.client_days
        WHERE day = ANY (whole.days) AND client_id = %(client_id)s
        UNION ALL
        SELECT running, success, failed, canceled, skipped
        FROM rollup.days
        WHERE NOT in_totals AND day = ANY (whole.days) AND client_id = %(client_id)s
    ) AS d
),
-- Counts of the runs in the window but not in counted_days, or of those outside of it if is_mostly_in_window.
counted_runs AS MATERIALIZED (
    SELECT
        coalesce(sum(r.sign) FILTER (WHERE r.status = 'running'), 0) AS running,
        coalesce(sum(r.sign) FILTER (WHERE r.status = 'success'), 0) AS success,
        coalesce(sum(r.sign) FILTER (WHERE r.status = 'failed'), 0) AS failed,
        coalesce(sum(r.sign) FILTER (WHERE r.status = 'canceled'), 0) AS canceled,
        coalesce(sum(r.sign) FILTER (WHERE r.status = 'skipped'), 0) AS skipped
    FROM history AS h
    CROSS JOIN whole_days AS w
    CROSS JOIN pipelines AS p
    CROSS JOIN LATERAL (
        -- Started in the window, before its whole days.
        SELECT status, 1 AS sign
        FROM runs
        WHERE w.begins > %(since)s
            AND pipeline_id = p.id
            AND coalesce(started_at, '-infinity'::timestamptz) >= %(since)s
            AND coalesce(started_at, '-infinity'::timestamptz) < w.begins
        UNION ALL
        -- Started in the window, after its whole days.
        SELECT status, 1
        FROM runs
        WHERE NOT h.is_mostly_in_window
            AND pipeline_id = p.id
            AND coalesce(started_at, '-infinity'::timestamptz) >= w.ends
            AND coalesce(started_at, '-infinity'::timestamptz) < %(until)s
        UNION ALL
        -- Started on one of the whole days, but counted on another day.
        SELECT status, 1
        FROM runs
        WHERE w.ends > w.begins
            AND {other_day}
            AND pipeline_id = p.id
            AND started_at >= w.begins AND started_at < w.ends
            AND NOT (event_at >= w.begins AND event_at < w.ends)
        UNION ALL
        -- Counted on one of the whole days, but started on another day; or without a start, and not counted.
        SELECT status, CASE WHEN started_at IS NULL THEN 1 ELSE -1 END
        FROM runs
        WHERE NOT h.is_mostly_in_window
            AND (started_at IS NULL OR {other_day})
            AND pipeline_id = p.id
            AND event_at >= %(since)s AND event_at < %(until)s
            AND (event_at >= w.begins AND event_at < w.ends) = (started_at IS NOT NULL)
            AND NOT (coalesce(started_at, '-infinity') >= w.begins AND coalesce(started_at, '-infinity') < w.ends)
        UNION ALL
        -- Started before the window.
        SELECT status, 1
        FROM runs
        WHERE h.is_mostly_in_window
            AND pipeline_id = p.id
            AND coalesce(started_at, '-infinity'::timestamptz) > '-infinity'::timestamptz
            AND coalesce(started_at, '-infinity'::timestamptz) < %(since)s
        UNION ALL
        -- Started after the window.
        SELECT status, 1
        FROM runs
        WHERE h.is_mostly_in_window
            AND pipeline_id = p.id
            AND coalesce(started_at, '-infinity'::timestamptz) >= %(until)s
        UNION ALL
        -- Without a start, and outside of the window.
        SELECT status, 1
        FROM runs
        WHERE h.is_mostly_in_window
            AND pipeline_id = p.id
            AND coalesce(started_at, '-infinity'::timestamptz) = '-infinity'::timestamptz
            AND NOT (event_at >= %(since)s AND event_at < %(until)s)
    ) AS r
    WHERE p.client_id = %(client_id)s
)
SELECT
    p.id AS pipeline_id,
    p.name AS pipeline_name,
    p.platform,
    coalesce(started.status, unstarted.status) AS latest_status,
    started.started_at AS latest_run_at,
    CASE WHEN h.is_mostly_in_window THEN h.running - c.running ELSE d.running + c.running END AS running,
    CASE WHEN h.is_mostly_in_window THEN h.success - c.success ELSE d.success + c.success END AS success,
    CASE WHEN h.is_mostly_in_window THEN h.failed - c.failed ELSE d.failed + c.failed END AS failed,
    CASE WHEN h.is_mostly_in_window THEN h.canceled - c.canceled ELSE d.canceled + c.canceled END AS canceled,
    CASE WHEN h.is_mostly_in_window THEN h.skipped - c.skipped ELSE d.skipped + c.skipped END AS skipped
FROM pipelines AS p
CROSS JOIN history AS h
CROSS JOIN counted_days AS d
CROSS JOIN counted_runs AS c
LEFT JOIN LATERAL (
    SELECT r.status, r.started_at
    FROM reporting.runs AS r
    WHERE r.pipeline_id = p.id
        AND coalesce(r.started_at, '-infinity'::timestamptz) >= %(since)s
        AND coalesce(r.started_at, '-infinity'::timestamptz) < %(until)s
    ORDER BY {latest_first}
    LIMIT 1
) AS started ON true
-- A run with a start is later than one without.
LEFT JOIN LATERAL (
    SELECT r.status
    FROM reporting.runs AS r
    WHERE started.status IS NULL
        AND r.pipeline_id = p.id
        AND coalesce(r.started_at, '-infinity'::timestamptz) = '-infinity'::timestamptz
        AND r.event_at >= %(since)s AND r.event_at < %(until)s
    ORDER BY {latest_first}
    LIMIT 1
) AS unstarted ON true
WHERE p.client_id = %(client_id)s AND coalesce(started.status, unstarted.status) IS NOT NULL
ORDER BY p.name, p.id
