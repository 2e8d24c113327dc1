-- Counts of runs of all pipelines by UTC day and duration in whole minutes. A day and duration can have several rows.
-- Add up their counts. Runs without a duration are not counted.
--   day      UTC day of event_at
--   minutes  Duration in whole minutes
--   runs     Number of runs with this duration
SELECT day, minutes, runs
FROM rollup.duration_minutes
