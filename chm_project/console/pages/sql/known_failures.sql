-- Question   How many failures are known?
-- Grain      one row
-- Inventory  active
-- Parameters as_of, known_until; client_id, platform, environment: null does not restrict
SELECT count(*)
FROM {failing_pipelines} AS p
JOIN reporting.runs AS failed ON failed.run_id = p.run_id
CROSS JOIN LATERAL {cause} AS cause
WHERE p.known_reason IS NOT NULL AND {in_scope} AND {known}
