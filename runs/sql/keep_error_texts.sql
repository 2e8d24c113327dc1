-- Question    Why did these runs fail? Stores error texts from second requests.
-- Grain       one row per text
-- Parameters  run_id[], finished_at[], error_message[]
--
-- Writes only if the run is still the same attempt and still has no text.
WITH explained AS (
    SELECT r.id, given.error_message
    FROM unnest(%(run_id)s::uuid[], %(finished_at)s::timestamptz[], %(error_message)s::text[])
        AS given(id, finished_at, error_message)
    JOIN runs AS r USING (id)
    WHERE r.status = 'failed' AND r.error_message IS NULL AND r.finished_at IS NOT DISTINCT FROM given.finished_at
    ORDER BY r.pipeline_id, r.external_run_id
    FOR UPDATE OF r
)
UPDATE runs SET
    error_message = explained.error_message,
    error_message_fetched = true,
    updated_at = statement_timestamp(),
    ingested_at = statement_timestamp()
FROM explained
WHERE runs.id = explained.id
