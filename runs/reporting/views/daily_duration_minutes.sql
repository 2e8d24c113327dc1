-- Counts of runs of all pipelines by UTC day and duration in whole minutes. A day and minute can have several rows: add
-- them up. Runs without a duration are not counted.
--   day      UTC day of event_at
--   minutes  Whole minutes of the duration
--   runs     Runs of that duration
SELECT day, minutes, runs
FROM rollup.duration_minutes
