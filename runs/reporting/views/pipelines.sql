-- All pipelines with their clients, including disabled ones.
--   pipeline_id       Key of the pipeline
--   pipeline_name     Its name, unique within the client
--   client_id         Key of its client
--   client_name       Name of its client
--   platform          Kind of orchestrator: airflow, dbt, cron, vendor_api, custom
--   pipeline_type     What it does: ingestion, transform, quality, export, healthcheck
--   environment       Where it runs: dev, staging, prod
--   external_id       Its name in the orchestrator; null: it is not ingested
--   is_active         Active inventory: the pipeline and its client are both active
--   ingested_through  Every change up to this time is stored; null before the first complete walk
--   ingest_due_at     After this time its status is stale
--   last_ingest_at    When ingestion last finished a walk of it
--   last_ingest_error Why its last walk failed; null: it did not fail
--   created_at        When CHM stored it
--   source_url        Its page at the source; null: unknown
--   source_paused     Whether its source has paused it; null: unknown
--   source_next_run_at When its source will start it next; null: unknown
--   source_missing_since Since when its source no longer lists it; null: it is listed, or the source has no list
--   known_reason      Why its failure is known; null: not marked. current_failures shows whether the mark is still valid
--   known_ticket_url  Address of the ticket
--   known_until       The failure is known until then; null: until it ends
--   known_run_id      The failed run that was marked
--   known_fingerprint The incident of that run when it was marked
--   known_since       When it was marked
SELECT
    p.id AS pipeline_id,
    p.name AS pipeline_name,
    c.id AS client_id,
    c.name AS client_name,
    p.platform,
    p.pipeline_type,
    p.environment,
    p.external_id,
    p.is_active AND c.is_active AS is_active,
    p.ingested_through,
    p.ingest_due_at,
    p.last_ingest_at,
    p.last_ingest_error,
    p.created_at,
    p.source_url,
    p.source_paused,
    p.source_next_run_at,
    p.source_missing_since,
    p.known_reason,
    p.known_ticket_url,
    p.known_until,
    p.known_run_id,
    p.known_fingerprint,
    p.known_since
FROM pipelines AS p
JOIN clients AS c ON c.id = p.client_id
