-- Question   Which open runs take much longer than usual?
-- Grain      one row per run, sorted by the time at which it began to run long
-- Inventory  active
-- Parameters as_of, state_at (runs count in the state that they had then); limit, offset: the page (the column total
--            counts the rows of all pages); client_id, platform, environment: null does not restrict
SELECT
    p.client_id, p.client_name, p.pipeline_id, p.pipeline_name, p.platform, p.environment, p.run_id, p.started_at, p.usual_seconds::float8,
    extract(epoch FROM %(as_of)s::timestamptz - p.started_at)::float8 AS running_seconds,
    count(*) OVER () AS total
FROM {open_runs} AS p
WHERE p.long_after < %(as_of)s
    AND {in_scope}
ORDER BY p.long_after, p.run_id
LIMIT %(limit)s OFFSET %(offset)s
