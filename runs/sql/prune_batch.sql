-- Question    How many runs does this batch delete? Deletes a batch of the runs that may be pruned.
-- Grain       one row per pipeline from which runs were deleted
-- Columns     pipeline_id, runs
-- Parameters  those of prunable_runs.sql, and size
--
-- Skips runs that another transaction has locked, so that pruning never waits. If another pruning holds the lock, that
-- pruning deletes the run. If a writer holds the lock, the next pruning checks the run again.
WITH batch AS MATERIALIZED (
    {prunable_runs}
    LIMIT %(size)s
    FOR UPDATE OF r SKIP LOCKED
),
deleted AS (
    DELETE FROM runs USING batch WHERE runs.id = batch.id RETURNING runs.pipeline_id
)
SELECT deleted.pipeline_id, count(*) AS runs FROM deleted GROUP BY deleted.pipeline_id
