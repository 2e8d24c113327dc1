-- Stores why the last walk of these pipelines failed.
--
-- Parameters  error, pipeline_id[]
--
-- Writes only pipelines whose stored error differs. So an outage writes each row once, and not with every tick.
-- Locks rows in the order of id, so that two workers cannot deadlock.
UPDATE pipelines SET last_ingest_error = %(error)s
FROM (
    SELECT id FROM pipelines
    WHERE id = ANY(%(pipeline_id)s::uuid[]) AND last_ingest_error IS DISTINCT FROM %(error)s
    ORDER BY id
    FOR NO KEY UPDATE
) AS failed
WHERE pipelines.id = failed.id
