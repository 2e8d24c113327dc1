-- Question   Why did this pipeline fail?
-- Grain      one row per cause, the most frequent first; text and run_id are those of its newest failure
-- Parameters pipeline_id; since; limit: the maximum number of failures to read, newest first
SELECT
    (array_agg(r.text ORDER BY r.event_at DESC, r.run_id DESC))[1] AS text,
    (array_agg(r.run_id ORDER BY r.event_at DESC, r.run_id DESC))[1] AS run_id,
    max(r.event_at) AS last_at, min(r.event_at) AS first_at, count(*)
FROM (
    SELECT
        r.run_id, r.event_at, coalesce(nullif(r.error_message, ''), r.status_reason) AS text,
        -- The error text with # in place of numbers, ids and names: equal for failures with the same cause.
        {masked_error} AS masked
    FROM (
        SELECT *
        FROM reporting.runs AS r
        WHERE r.pipeline_id = %(pipeline_id)s AND r.status = 'failed' AND r.event_at >= %(since)s
        ORDER BY r.event_at DESC, r.run_id DESC
        LIMIT %(limit)s
    ) AS r
    JOIN reporting.pipelines AS p USING (pipeline_id)
) AS r
GROUP BY r.masked
ORDER BY count(*) DESC, max(r.event_at) DESC
