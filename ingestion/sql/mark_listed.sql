-- Stores what the source's list contains about the pipelines of a connection: paused, next start, missing.
--
-- Parameters  listed_at, pipeline_id[], client_id[], platform[], external_id[], is_listed[], paused[], next_run_at[]
--
-- The join skips pipelines whose client, platform or external id a user has edited during the walk, because the list is
-- not the list of their new source. Only changed rows are written. No index has the written columns, so updates are HOT
-- (PostgreSQL adds no index entry). Rows are locked in the order of id, so that two workers cannot deadlock.
WITH changed AS (
    SELECT
        pipelines.id, listed.paused, listed.next_run_at,
        CASE WHEN NOT listed.is_listed THEN coalesce(pipelines.source_missing_since, %(listed_at)s::timestamptz) END
            AS missing_since
    FROM unnest(
        %(pipeline_id)s::uuid[], %(client_id)s::uuid[], %(platform)s::text[], %(external_id)s::text[],
        %(is_listed)s::boolean[], %(paused)s::boolean[], %(next_run_at)s::timestamptz[]
    ) AS listed(id, client_id, platform, external_id, is_listed, paused, next_run_at)
    JOIN pipelines USING (id, client_id, platform, external_id)
    WHERE (pipelines.source_paused, pipelines.source_next_run_at, pipelines.source_missing_since IS NULL)
        IS DISTINCT FROM (listed.paused, listed.next_run_at, listed.is_listed)
    ORDER BY pipelines.id
    FOR NO KEY UPDATE OF pipelines
)
UPDATE pipelines SET
    source_paused = changed.paused,
    source_next_run_at = changed.next_run_at,
    source_missing_since = changed.missing_since
FROM changed
WHERE pipelines.id = changed.id
