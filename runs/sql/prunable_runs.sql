-- Question    Which runs of these pipelines may be pruned?
-- Grain       one row per run that happened before the cutoff (event_at) and is not protected
-- Columns     id, pipeline_id
-- Parameters  pipeline_ids, cutoff, keep_failures
--
-- Protected are the latest run, the last success, and the failed runs of the current streak: those after the last
-- success, or all if there is no success. So the latest decisive run is always protected. With keep_failures, all
-- failed runs are protected. "Latest", "last" and "after" refer to the order latest_first.
SELECT r.id, r.pipeline_id
FROM unnest(%(pipeline_ids)s::uuid[]) AS p(pipeline_id)
CROSS JOIN LATERAL (
    SELECT r.run_id AS id
    FROM reporting.runs AS r
    WHERE r.pipeline_id = p.pipeline_id
    ORDER BY {latest_first}
    LIMIT 1
) AS latest
LEFT JOIN LATERAL (
    SELECT
        r.run_id AS id,
        coalesce(r.started_at, '-infinity'::timestamptz) AS started,
        coalesce(r.finished_at, '-infinity'::timestamptz) AS finished
    FROM reporting.runs AS r
    WHERE r.pipeline_id = p.pipeline_id AND r.status = 'success'
    ORDER BY {latest_first}
    LIMIT 1
) AS success ON true
JOIN runs AS r
    ON r.pipeline_id = p.pipeline_id
    AND r.event_at < %(cutoff)s::timestamptz
    AND r.id <> latest.id
    AND r.id IS DISTINCT FROM success.id
    AND CASE
        WHEN r.status <> 'failed' THEN true
        WHEN %(keep_failures)s::boolean OR success.id IS NULL THEN false
        ELSE (
            coalesce(r.started_at, '-infinity'::timestamptz), coalesce(r.finished_at, '-infinity'::timestamptz), r.id
        ) < (success.started, success.finished, success.id)
    END
