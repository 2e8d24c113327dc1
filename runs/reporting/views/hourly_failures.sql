-- Counts of failed runs of all pipelines by the hour of event_at. An hour can have several rows. Add up their counts.
--   hour    Start of the hour, UTC
--   failed  Number of runs that failed
SELECT hour, failed
FROM rollup.failed_hours
