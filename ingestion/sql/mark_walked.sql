-- Stores for all pipelines of a complete walk: the watermark, the due time and the links. Removes the stored error.
--
-- Parameters  watermark, due_at, min_step_seconds, pipeline_id[], client_id[], platform[], external_id[],
--             moves_watermark[], links_known, source_url[], source_url_template[]
-- If links_known is false, the stored links do not change.
--
-- The join skips pipelines whose client, platform or external id a user has edited during the walk, because their new
-- source was not walked. A pipeline is not written if its watermark would move by less than `min_step_seconds` and
-- nothing else changed. No index has the written columns, so updates are HOT (PostgreSQL adds no index entry). Rows are
-- locked in the order of id, so that two workers cannot deadlock.
WITH changed AS (
    SELECT pipelines.id, walked.moves_watermark, walked.source_url, walked.source_url_template
    FROM unnest(
        %(pipeline_id)s::uuid[], %(client_id)s::uuid[], %(platform)s::text[], %(external_id)s::text[],
        %(moves_watermark)s::boolean[], %(source_url)s::text[], %(source_url_template)s::text[]
    ) AS walked(id, client_id, platform, external_id, moves_watermark, source_url, source_url_template)
    JOIN pipelines USING (id, client_id, platform, external_id)
    WHERE pipelines.last_ingest_error IS NOT NULL
        OR pipelines.last_ingest_at IS NULL
        OR (walked.moves_watermark AND pipelines.ingested_through IS NULL)
        OR coalesce(pipelines.ingested_through, pipelines.last_ingest_at)
            <= %(watermark)s::timestamptz - make_interval(secs => %(min_step_seconds)s)
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
        WHEN changed.moves_watermark THEN greatest(pipelines.ingested_through, %(watermark)s::timestamptz)
        ELSE pipelines.ingested_through
    END,
    ingest_due_at = %(due_at)s::timestamptz,
    last_ingest_at = statement_timestamp(),
    last_ingest_error = NULL,
    source_url = CASE WHEN %(links_known)s THEN changed.source_url ELSE pipelines.source_url END,
    source_url_template = CASE WHEN %(links_known)s THEN changed.source_url_template
        ELSE pipelines.source_url_template END
FROM changed
WHERE pipelines.id = changed.id
