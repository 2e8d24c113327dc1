-- Question   Which outages explain what fails now?
-- Grain      one row per incident, largest first; incidents with only known failures last
-- Inventory  active
-- Panel      Operations: table
-- View       incidents
-- Parameters
-- Columns
--   incident       text         Fingerprint of the platform and the cause, and of the client if the cause is vague.
--                               The fingerprint does not change when pipelines join the incident or recover.
--                               `incident` and `since` together identify a row
--   platform       text         Kind of orchestrator
--   since          timestamptz  When the first of these pipelines failed with this cause
--   until          timestamptz  When the latest failed run of these pipelines happened
--   pipelines      integer      Number of pipelines that fail now with this cause
--   clients        integer      Number of clients of these pipelines
--   client_names   text         Names of these clients: the first three, and how many more
--   error_message  text?        Error of the run in the column `run_id`
--   cause          text         The common text of the errors, with # in place of parts that vary; empty: the errors
--                               have no text
--   first_run_id   uuid         Key of the latest failed run of the pipeline that has failed for the longest time
--   run_id         uuid         Key of the latest failed run of these pipelines
--   known          integer      Number of these pipelines whose failure a user has marked as known
--
-- An incident is a group of failing pipelines that have the same cause and began to fail together. The cause of a
-- pipeline is the masked error of its latest decisive run. In a masked error, # replaces parts that vary, such as ids
-- and numbers. For each pipeline, only the failures with this cause count that come after the last success and after
-- the last failure with another cause.
--
-- Decision 0028 defines which errors are one cause, and how close their beginnings must be.
SELECT
    failure.incident, failure.platform, min(failure.failing_since) AS since, max(failure.failed_at) AS until,
    count(*) AS pipelines, count(DISTINCT failure.client_id) AS clients,
    {client_names} AS client_names,
    (array_agg(failure.error_message ORDER BY failure.failed_at DESC, failure.run_id DESC))[1] AS error_message,
    min(failure.masked) AS cause,
    (array_agg(failure.run_id ORDER BY failure.failing_since, failure.pipeline_id))[1] AS first_run_id,
    (array_agg(failure.run_id ORDER BY failure.failed_at DESC, failure.run_id DESC))[1] AS run_id,
    count(*) FILTER (WHERE failure.known) AS known
FROM {incident_pipelines} AS failure
GROUP BY failure.incident, failure.number, failure.platform
ORDER BY bool_and(failure.known), count(*) DESC, min(failure.failing_since) DESC, failure.incident, failure.number
