-- Question   Which outages explain what fails now?
-- Grain      one row per incident: pipelines with one cause that began to fail together; known ones last, largest first
-- Inventory  active
-- Panel      Operations: table
-- View       incidents
-- Parameters
-- Columns
--   incident       text         Fingerprint of platform and cause; it stays the same while pipelines join and recover. The
--                               key of a row is incident and since
--   platform       text         Kind of orchestrator
--   since          timestamptz  When the first of these pipelines failed with this cause
--   until          timestamptz  When the latest of these failures happened
--   pipelines      integer      Pipelines that fail now with this cause
--   clients        integer      Clients of these pipelines
--   client_names   text         Names of these clients: the first three, and how many more
--   error_message  text?        Error of the latest failure
--   cause          text         The common text of the errors, with # for parts that vary; empty: no text
--   first_run_id   uuid         Key of the latest run of the pipeline that failed first
--   run_id         uuid         Key of the run that failed latest
--   known          integer      Those of the pipelines whose failure has a valid mark as known
--
-- The cause of a pipeline is that of its latest decisive run. It begins with the first failure after
-- the last success and the last failure with another cause.
--
-- Decision 0028 defines which errors are one cause, and how close their beginnings must be.
SELECT
    found.incident, found.platform, min(found.failing_since) AS since, max(found.failed_at) AS until,
    count(*) AS pipelines, count(DISTINCT found.client_id) AS clients,
    {client_names} AS client_names,
    (array_agg(found.error_message ORDER BY found.failed_at DESC, found.run_id DESC))[1] AS error_message,
    min(found.masked) AS cause,
    (array_agg(found.run_id ORDER BY found.failing_since, found.pipeline_id))[1] AS first_run_id,
    (array_agg(found.run_id ORDER BY found.failed_at DESC, found.run_id DESC))[1] AS run_id,
    count(*) FILTER (WHERE found.known) AS known
FROM {incident_pipelines} AS found
GROUP BY found.incident, found.number, found.platform
ORDER BY bool_and(found.known), count(*) DESC, min(found.failing_since) DESC, found.incident, found.number
