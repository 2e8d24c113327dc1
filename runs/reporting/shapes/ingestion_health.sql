-- Question   Q9: Is CHM itself up to date with every source?
-- Grain      one row per client and platform that CHM ingests, sorted by name
-- Inventory  active, with `external_id`
-- Panel      Q6-Q10 Operations & Governance: table
-- Parameters
-- Columns
--   client_name        text         Name of the client
--   platform           text         Kind of orchestrator
--   pipelines          integer      Number of pipelines that CHM should ingest
--   never_ingested     integer      Number of these pipelines that CHM has never walked completely
--   stale              integer      Number of these pipelines whose next walk is overdue
--   failing_ingestion  integer      Number of these pipelines whose last walk failed
--   oldest_ingest_at   timestamptz? Earliest time of the last complete walks of these pipelines; null: CHM has never
--                                   walked any of them completely
--   last_error         text?        Error of the last walk of one of these pipelines; null: no pipeline has an error
--   pushed_only        integer      Number of `never_ingested` pipelines without an error that have runs: jobs push
--                                   them
--   missing_at_source  integer      Number of these pipelines that their source no longer lists
--   client_id          uuid         Key of the client
SELECT
    p.client_name, p.platform,
    count(*) AS pipelines,
    count(*) FILTER (WHERE p.last_ingest_at IS NULL) AS never_ingested,
    count(*) FILTER (WHERE {stale}) AS stale,
    count(p.last_ingest_error) AS failing_ingestion,
    min(p.last_ingest_at) AS oldest_ingest_at,
    (
        array_agg(p.last_ingest_error ORDER BY p.last_ingest_at DESC NULLS LAST, p.pipeline_name)
        FILTER (WHERE p.last_ingest_error IS NOT NULL)
    )[1] AS last_error,
    count(*) FILTER (
        WHERE p.last_ingest_at IS NULL AND p.last_ingest_error IS NULL
            AND EXISTS (SELECT FROM reporting.runs AS r WHERE r.pipeline_id = p.pipeline_id)
    ) AS pushed_only,
    count(p.source_missing_since) AS missing_at_source,
    p.client_id
FROM reporting.pipelines AS p
WHERE p.is_active AND p.external_id IS NOT NULL AND {in_scope}
GROUP BY p.client_id, p.client_name, p.platform
ORDER BY p.client_name, p.platform
