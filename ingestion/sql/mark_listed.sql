-- Question    What is the state of these pipelines in the source's list?
-- Grain       one statement for all pipelines of a connection
-- Parameters  listed_at, pipeline_id[], client_id[], platform[], external_id[], found[], paused[], next_run_at[]
--
-- Updates only pipelines that still have the source that was read, and only changed values. No column is indexed, so that
-- updates are HOT.
WITH listed AS (
    SELECT
        pipelines.id, listed.paused, listed.next_run_at,
        CASE WHEN NOT listed.found THEN coalesce(pipelines.source_missing_since, %(listed_at)s::timestamptz) END
            AS missing_since
    FROM unnest(
        %(pipeline_id)s::uuid[], %(client_id)s::uuid[], %(platform)s::text[], %(external_id)s::text[],
        %(found)s::boolean[], %(paused)s::boolean[], %(next_run_at)s::timestamptz[]
    ) AS listed(id, client_id, platform, external_id, found, paused, next_run_at)
    JOIN pipelines USING (id, client_id, platform, external_id)
    WHERE (pipelines.source_paused, pipelines.source_next_run_at, pipelines.source_missing_since IS NULL)
        IS DISTINCT FROM (listed.paused, listed.next_run_at, listed.found)
    ORDER BY pipelines.id
    FOR NO KEY UPDATE OF pipelines
)
UPDATE pipelines SET
    source_paused = listed.paused,
    source_next_run_at = listed.next_run_at,
    source_missing_since = listed.missing_since
FROM listed
WHERE pipelines.id = listed.id
