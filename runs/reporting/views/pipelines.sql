-- All pipelines with their clients, including disabled ones.
--   pipeline_id       Key of the pipeline
--   pipeline_name     Name of the pipeline, unique within the client
--   client_id         Key of the client
--   client_name       Name of the client
--   platform          Kind of orchestrator: airflow, dbt, cron, vendor_api, custom
--   pipeline_type     What the pipeline does: ingestion, transform, quality, export, healthcheck
--   environment       Where the pipeline runs: dev, staging, prod
--   external_id       Id of the pipeline in its orchestrator; null: CHM does not ingest the pipeline
--   is_active         Whether the pipeline is in the active inventory: pipeline and client are both active
--   ingested_through  CHM has stored every change of the runs up to this time; null before the first complete walk
--   ingest_due_at     After this time the pipeline is stale: its latest status may be outdated
--   last_ingest_at    When CHM last walked the pipeline completely
--   last_ingest_error Why the last walk failed; null: the last walk did not fail
--   created_at        When CHM stored the pipeline
--   source_url        Page of the pipeline at the source; null: unknown
--   source_paused     Whether the pipeline is paused at the source; null: unknown
--   source_next_run_at When the source will start the pipeline next; null: unknown
--   source_missing_since Since when the source no longer lists the pipeline; null: the source lists it, or has no list
--   known_reason      Why the failure is known; null: not marked. current_failures shows whether the mark is still valid
--   known_ticket_url  Address of a ticket about the failure
--   known_until       Until when the failure is known; null: until the failure ends
--   known_run_id      The failed run that was marked
--   known_fingerprint Fingerprint of the incident that the failure belonged to when it was marked
--   known_since       When the failure was marked
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
