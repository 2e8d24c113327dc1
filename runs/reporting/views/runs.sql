-- All runs, without payloads. Aggregate by pipeline_id before you join the inventory, so that reading an index is
-- enough.
--   run_id            Key of the run
--   pipeline_id       The pipeline that ran
--   external_run_id   The source's own id of the run
--   status            running, success, failed, canceled, skipped
--   event_at          When it happened: when it finished, else started, else was stored
--   started_at        When it started, according to the source
--   finished_at       When it ended, according to the source
--   duration_seconds  Whole seconds
--   rows_processed    Rows that it processed, according to the source
--   error_message     Why it failed, scrubbed of secrets
--   status_reason     Details of the status, scrubbed of secrets
--   created_at        When CHM stored it
--   source_url        Its page at the source; null: unknown
SELECT
    id AS run_id, pipeline_id, external_run_id, status, event_at, started_at, finished_at, duration_seconds,
    rows_processed, error_message, status_reason, created_at,
    -- A subquery, so that queries without this column do not compute it.
    run_source_url(
        given_source_url, (SELECT p.source_url_template FROM pipelines AS p WHERE p.id = runs.pipeline_id), external_run_id
    ) AS source_url
FROM runs
