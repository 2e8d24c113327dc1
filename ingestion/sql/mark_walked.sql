-- Question    Through when are these pipelines ingested, and when is the next walk due?
-- Grain       one statement for all pipelines of a complete walk
-- Parameters  through, due, step (seconds), pipeline_id[], client_id[], platform[], external_id[], moves[]
--
-- Speaks only for pipelines whose source is still the one that was walked. Writes no indexed column, so that the
-- update stays on its page, and writes nothing for a pipeline whose watermark would hardly move.
WITH walked AS (
    SELECT pipelines.id, walked.moves
    FROM unnest(
        %(pipeline_id)s::uuid[], %(client_id)s::uuid[], %(platform)s::text[], %(external_id)s::text[],
        %(moves)s::boolean[]
    ) AS walked(id, client_id, platform, external_id, moves)
    JOIN pipelines USING (id, client_id, platform, external_id)
    WHERE pipelines.last_ingest_error IS NOT NULL
        OR pipelines.last_ingest_at IS NULL
        OR (walked.moves AND pipelines.ingested_through IS NULL)
        OR coalesce(pipelines.ingested_through, pipelines.last_ingest_at)
            <= %(through)s::timestamptz - make_interval(secs => %(step)s)
    ORDER BY pipelines.id
    FOR NO KEY UPDATE OF pipelines
)
UPDATE pipelines SET
    ingested_through = CASE
        WHEN walked.moves THEN greatest(pipelines.ingested_through, %(through)s::timestamptz)
        ELSE pipelines.ingested_through
    END,
    ingest_due_at = %(due)s::timestamptz,
    last_ingest_at = statement_timestamp(),
    last_ingest_error = NULL
FROM walked
WHERE pipelines.id = walked.id
