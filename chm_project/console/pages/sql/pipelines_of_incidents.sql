-- Question   Which pipelines belong to these incidents?
-- Grain      one row per pipeline, at most `limit` per incident, the earliest failure first
-- Inventory  active
-- Parameters as_of, state_at (runs count in the state that they had then); incidents: fingerprints; limit; client_id,
--            platform, environment: null does not restrict
SELECT incident, since, pipeline_id, pipeline_name, client_name
FROM (
    -- Several incidents can have the same fingerprint (`incident`). They have different values of `number`.
    SELECT
        failure.incident, failure.pipeline_id, failure.pipeline_name, failure.client_name, failure.failing_since,
        min(failure.failing_since) OVER (PARTITION BY failure.incident, failure.number) AS since,
        row_number() OVER (
            PARTITION BY failure.incident, failure.number ORDER BY failure.failing_since, failure.pipeline_id
        ) AS position
    FROM {incident_pipelines} AS failure
    WHERE failure.incident = ANY(%(incidents)s)
) AS numbered
WHERE position <= %(limit)s
ORDER BY incident, since, position
