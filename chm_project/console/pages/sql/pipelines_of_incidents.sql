-- Question   Which pipelines are behind these incidents?
-- Grain      one row per pipeline, at most `most` per incident, the earliest failure first
-- Inventory  active
-- Parameters as_of, known_until; incidents: fingerprints; most; client_id, platform, environment: null does not restrict
SELECT incident, since, pipeline_id, pipeline_name, client_name
FROM (
    SELECT
        found.incident, found.pipeline_id, found.pipeline_name, found.client_name, found.failing_since,
        min(found.failing_since) OVER (PARTITION BY found.incident, found.number) AS since,
        row_number() OVER (
            PARTITION BY found.incident, found.number ORDER BY found.failing_since, found.pipeline_id
        ) AS place
    FROM {incident_pipelines} AS found
    WHERE found.incident = ANY(%(incidents)s)
) AS placed
WHERE place <= %(most)s
ORDER BY incident, since, place
