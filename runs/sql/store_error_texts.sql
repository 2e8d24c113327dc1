-- Statement   Stores the error texts that CHM fetched with second requests, and returns no rows.
-- Parameters  run_id[], finished_at[], error_message[]
--
-- Stores a text only if no newer attempt of the run is stored and the run has no text. Locks rows in key order, as
-- record_runs does, so that two writers cannot deadlock.
WITH matching AS (
    SELECT r.id, fetched.error_message
    FROM unnest(%(run_id)s::uuid[], %(finished_at)s::timestamptz[], %(error_message)s::text[])
        AS fetched(id, finished_at, error_message)
    JOIN runs AS r USING (id)
    WHERE r.status = 'failed' AND r.error_message IS NULL AND r.finished_at IS NOT DISTINCT FROM fetched.finished_at
    ORDER BY r.pipeline_id, r.external_run_id
    FOR UPDATE OF r
)
UPDATE runs SET
    error_message = matching.error_message,
    error_message_fetched = true,
    updated_at = statement_timestamp(),
    ingested_at = statement_timestamp()
FROM matching
WHERE runs.id = matching.id
