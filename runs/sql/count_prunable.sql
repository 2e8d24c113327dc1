-- Question    How many runs of each of these pipelines may be pruned?
-- Grain       one row per pipeline that has such runs
-- Columns     pipeline_id, runs
-- Parameters  those of prunable_runs.sql
SELECT prunable.pipeline_id, count(*) AS runs
FROM ({prunable_runs}) AS prunable
GROUP BY prunable.pipeline_id
ORDER BY prunable.pipeline_id
