-- Question   Which runs take much longer than usual?
-- Grain      one row per open run that is past its moment, longest past it first
-- Inventory  active
-- Parameters as_of; most: rows at most, while total counts all; client_id, platform, environment: null does not restrict
SELECT
    r.client_name, r.pipeline_name, r.platform, r.environment, r.run_id, r.started_at, r.usual_seconds::float8,
    extract(epoch FROM %(as_of)s::timestamptz - r.started_at)::float8 AS running_seconds,
    count(*) OVER () AS total
FROM reporting.open_runs AS r
WHERE r.long_after < %(as_of)s
    AND (%(client_id)s::uuid IS NULL OR r.client_id = %(client_id)s::uuid)
    AND (%(platform)s::text IS NULL OR r.platform = %(platform)s)
    AND (%(environment)s::text IS NULL OR r.environment = %(environment)s)
ORDER BY r.long_after, r.run_id
LIMIT %(most)s
