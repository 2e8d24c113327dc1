-- Counts of failed runs of all pipelines by the hour of event_at. An hour can have several rows: add them up.
--   hour    Start of the hour, UTC
--   failed  Runs that failed
SELECT hour, failed
FROM rollup.failed_hours
