-- Question   What is failing now?
-- Grain      one row per pipeline whose latest decisive run failed: new failures first, then known ones, each longest first
-- Inventory  active
-- Panel      Operations: table
-- View       current_failures
-- Parameters
-- Columns
--   client_name      text         Name of the client
--   pipeline_name    text         Name of the pipeline
--   platform         text         Kind of orchestrator
--   environment      text         Where it runs
--   failing_since    timestamptz  When the first failure after the last success happened
--   failed_in_a_row  integer      Failed runs since the last success
--   last_success_at  timestamptz? When the last success happened; null: never
--   error_message    text?        Error of the latest decisive run
--   latest_status    text         Status of the latest run, which can be later than the failure
--   retrying         boolean      Whether a run is open
--   client_id        uuid         Key of the client
--   pipeline_id      uuid         Key of the pipeline
--   run_id           uuid         Key of the latest decisive run
--   source_url       text?        Page of that run at the source; null: unknown
--   incident         text         Fingerprint of platform and cause, as in the shape incidents
--   known            boolean      Whether this failure has a valid mark as known
--   known_reason     text?        Why the failure is known; null: it is new
--   known_ticket_url text?        Address of the ticket
--   known_until      timestamptz? When the mark ends if the failure lasts that long
--
-- Decisive runs are those that succeeded or failed. Running, canceled and skipped runs do not end a failure and do not
-- count in its streak. For a past moment, a run that was re-opened since then counts with its current status.
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
