-- Question    Through when are these pipelines ingested, and when is the next walk due?
-- Grain       one statement for all pipelines of a complete walk
-- Parameters  through, due, step (seconds), pipeline_id[], client_id[], platform[], external_id[], moves[],
--             source_url[], source_url_template[] (kept as they are unless links_known)
--
-- Updates only pipelines that still have the source that was walked. It writes no indexed column, so that updates are HOT;
-- a pipeline whose watermark would hardly move is not written.
WITH walked AS (
    SELECT pipelines.id, walked.moves, walked.source_url, walked.source_url_template
    FROM unnest(
        %(pipeline_id)s::uuid[], %(client_id)s::uuid[], %(platform)s::text[], %(external_id)s::text[],
        %(moves)s::boolean[], %(source_url)s::text[], %(source_url_template)s::text[]
    ) AS walked(id, client_id, platform, external_id, moves, source_url, source_url_template)
    JOIN pipelines USING (id, client_id, platform, external_id)
    WHERE pipelines.last_ingest_error IS NOT NULL
        OR pipelines.last_ingest_at IS NULL
        OR (walked.moves AND pipelines.ingested_through IS NULL)
        OR coalesce(pipelines.ingested_through, pipelines.last_ingest_at)
            <= %(through)s::timestamptz - make_interval(secs => %(step)s)
        OR (
            %(links_known)s::boolean
            AND (pipelines.source_url, pipelines.source_url_template)
                IS DISTINCT FROM (walked.source_url, walked.source_url_template)
        )
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
    last_ingest_error = NULL,
    source_url = CASE WHEN %(links_known)s THEN walked.source_url ELSE pipelines.source_url END,
    source_url_template = CASE WHEN %(links_known)s THEN walked.source_url_template
        ELSE pipelines.source_url_template END
FROM walked
WHERE pipelines.id = walked.id
