-- All runs, without payloads. For a fast query, first aggregate by pipeline_id, and then join reporting.pipelines.
-- PostgreSQL then only reads an index.
--   run_id            Key of the run
--   pipeline_id       Key of the pipeline
--   external_run_id   Id of the run at the source
--   status            running, success, failed, canceled, skipped
--   event_at          When the run happened: its end, else its start, else when CHM stored it
--   started_at        When the run started, according to the source
--   finished_at       When the run ended, according to the source
--   duration_seconds  Duration in whole seconds
--   rows_processed    Rows that the run processed, according to the source
--   error_message     Why the run failed, without secrets
--   status_reason     Details of the status, without secrets
--   created_at        When CHM stored the run
--   source_url        Page of the run at the source; null: unknown
SELECT
    id AS run_id, pipeline_id, external_run_id, status, event_at, started_at, finished_at, duration_seconds,
    rows_processed, error_message, status_reason, created_at,
    -- A subquery, so that PostgreSQL does not read pipelines for queries without this column.
    run_source_url(
        given_source_url, (SELECT p.source_url_template FROM pipelines AS p WHERE p.id = runs.pipeline_id), external_run_id
    ) AS source_url
FROM runs
