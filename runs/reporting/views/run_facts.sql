-- All runs with pipeline and client, for questions that no report answers.
--   run_id            Key of the run
--   pipeline_id       The pipeline that ran
--   pipeline_name     Its name
--   client_id         Key of the client it ran for
--   client_name       Name of the client
--   platform          Kind of orchestrator
--   pipeline_type     What the pipeline does
--   environment       Where it runs
--   is_active         Active inventory: pipeline and client are both active
--   external_run_id   The source's own id of the run
--   status            running, success, failed, canceled, skipped
--   event_at          When it happened: when it finished, else started, else was stored
--   started_at        When it started, according to the source
--   finished_at       When it ended, according to the source
--   duration_seconds  Whole seconds
--   rows_processed    Rows that it processed, according to the source
--   error_message     Why it failed, scrubbed of secrets
--   status_reason     Details of the status, scrubbed of secrets
--   source_url        The run's page at the source; null: unknown
SELECT
    r.run_id, p.pipeline_id, p.pipeline_name, p.client_id, p.client_name, p.platform, p.pipeline_type, p.environment,
    p.is_active, r.external_run_id, r.status, r.event_at, r.started_at, r.finished_at, r.duration_seconds,
    r.rows_processed, r.error_message, r.status_reason, r.source_url
FROM reporting.runs AS r
JOIN reporting.pipelines AS p USING (pipeline_id)
