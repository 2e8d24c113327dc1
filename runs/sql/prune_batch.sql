-- Question    Delete one batch of the runs that may be pruned. How many were they?
-- Grain       one row per pipeline that lost runs
-- Columns     pipeline_id, runs
-- Parameters  those of prunable_runs.sql, and size
--
-- A run that another transaction has locked is skipped: a second pruning deletes it, or a writer changes it and the next
-- pruning decides again. So no pruning waits for another one or for a writer.
WITH batch AS MATERIALIZED (
    {prunable_runs}
    LIMIT %(size)s
    FOR UPDATE OF r SKIP LOCKED
),
deleted AS (
    DELETE FROM runs USING batch WHERE runs.id = batch.id RETURNING runs.pipeline_id
)
SELECT deleted.pipeline_id, count(*) AS runs FROM deleted GROUP BY deleted.pipeline_id
