-- All runs with their pipelines and clients, for questions that no report answers.
--   run_id            Key of the run
--   pipeline_id       Key of the pipeline
--   pipeline_name     Name of the pipeline
--   client_id         Key of the client
--   client_name       Name of the client
--   platform          Kind of orchestrator
--   pipeline_type     What the pipeline does
--   environment       Where the pipeline runs
--   is_active         Whether the pipeline is in the active inventory: pipeline and client are both active
--   external_run_id   Id of the run at the source
--   status            running, success, failed, canceled, skipped
--   event_at          When the run happened: its end, else its start, else when CHM stored it
--   started_at        When the run started, according to the source
--   finished_at       When the run ended, according to the source
--   duration_seconds  Duration in whole seconds
--   rows_processed    Rows that the run processed, according to the source
--   error_message     Why the run failed, without secrets
--   status_reason     Details of the status, without secrets
--   source_url        Page of the run at the source; null: unknown
SELECT
    r.run_id, p.pipeline_id, p.pipeline_name, p.client_id, p.client_name, p.platform, p.pipeline_type, p.environment,
    p.is_active, r.external_run_id, r.status, r.event_at, r.started_at, r.finished_at, r.duration_seconds,
    r.rows_processed, r.error_message, r.status_reason, r.source_url
FROM reporting.runs AS r
JOIN reporting.pipelines AS p USING (pipeline_id)
