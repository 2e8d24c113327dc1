-- Runs of all pipelines that have a duration, counted by UTC day and whole minutes. Add up the rows of one key.
--   day      UTC day of event_at
--   minutes  Whole minutes of the duration
--   runs     Runs of that duration
SELECT day, minutes, runs
FROM rollup.duration_minutes
