-- Question   What is failing now?
-- Grain      one row per failing pipeline; new failures first, then known failures, each with the longest failure first
-- Inventory  active
-- Panel      Operations: table
-- View       current_failures
-- Parameters
-- Columns
--   client_name      text         Name of the client
--   pipeline_name    text         Name of the pipeline
--   platform         text         Kind of orchestrator
--   environment      text         Where the pipeline runs
--   failing_since    timestamptz  When the first failure after the last success happened
--   failed_in_a_row  integer      Failed runs since the last success
--   last_success_at  timestamptz? When the last success happened; null: never
--   error_message    text?        Error of the latest decisive run
--   latest_status    text         Status of the latest run, which can be newer than the failure
--   retrying         boolean      Whether a run of the pipeline is open
--   client_id        uuid         Key of the client
--   pipeline_id      uuid         Key of the pipeline
--   run_id           uuid         Key of the latest decisive run
--   source_url       text?        Page of that run at the source; null: unknown
--   incident         text         Fingerprint of the pipeline's incident, as in the shape `incidents`
--   known            boolean      Whether a user has marked this failure as known, and the mark is still valid
--   known_reason     text?        Reason of the mark; null: the failure is not marked
--   known_ticket_url text?        Address of a ticket about the failure
--   known_until      timestamptz? When the mark ends; null: the mark ends with the failure, or there is no mark
--
-- A pipeline is failing if its latest decisive run failed. A run is decisive if it succeeded or failed. Running,
-- canceled and skipped runs do not end a failure, and do not count in `failed_in_a_row`. For a past time, the report
-- uses the present status of a run, even if the run was re-opened after that time.
SELECT
    p.client_name, p.pipeline_name, p.platform, p.environment, streak.failing_since, streak.failed_in_a_row,
    former.event_at AS last_success_at, failed.error_message, latest.status AS latest_status,
    {has_open_run} AS retrying,
    p.client_id, p.pipeline_id, p.run_id, failed.source_url, {incident_key} AS incident,
    mark.known, CASE WHEN mark.known THEN p.known_reason END AS known_reason,
    CASE WHEN mark.known THEN p.known_ticket_url END AS known_ticket_url,
    CASE WHEN mark.known THEN p.known_until END AS known_until
FROM {failing_pipelines} AS p
JOIN reporting.runs AS failed ON failed.run_id = p.run_id
CROSS JOIN LATERAL {cause} AS cause
CROSS JOIN LATERAL (SELECT {known} AS known OFFSET 0) AS mark
CROSS JOIN {latest_run} AS latest
LEFT JOIN {last_success} AS former ON true
CROSS JOIN LATERAL (
    SELECT min(r.event_at) AS failing_since, count(*) AS failed_in_a_row
    FROM reporting.runs AS r
    WHERE r.pipeline_id = p.pipeline_id AND r.status = 'failed' AND {settled} AND {later_than_former}
) AS streak
WHERE {in_scope}
ORDER BY mark.known, streak.failing_since, p.client_name, p.pipeline_name, p.pipeline_id
