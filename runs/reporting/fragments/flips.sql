-- The number of runs of a pipeline (p) between since and as_of, and the number of changes between success and failure.
-- `line` has one letter for each run that succeeded or failed, sorted by event_at. Example: the line "sfss" has two
-- changes, "sf" and "fs". Counting changes in a text is faster than a window function.
LATERAL (
    SELECT
        total_runs,
        ((2 * length(line) - length(replace(line, 'sf', '')) - length(replace(line, 'fs', ''))) / 2)::bigint AS flips
    FROM (
        SELECT
            count(*) AS total_runs,
            coalesce(
                string_agg(
                    CASE r.status WHEN 'success' THEN 's' WHEN 'failed' THEN 'f' END, '' ORDER BY r.event_at, r.run_id
                ),
                ''
            ) AS line
        FROM reporting.runs AS r
        WHERE r.pipeline_id = p.pipeline_id
            AND r.event_at >= %(since)s AND r.event_at < %(as_of)s
    ) AS ordered
)
