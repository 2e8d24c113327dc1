-- Question    Why did the last walk of these pipelines fail?
-- Parameters  error, pipeline_id[]
UPDATE pipelines SET last_ingest_error = %(error)s
FROM (
    SELECT id FROM pipelines
    WHERE id = ANY(%(pipeline_id)s::uuid[]) AND last_ingest_error IS DISTINCT FROM %(error)s
    ORDER BY id
    FOR NO KEY UPDATE
) AS failed
WHERE pipelines.id = failed.id
