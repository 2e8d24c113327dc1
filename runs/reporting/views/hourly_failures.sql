-- Failed runs of all pipelines, counted by the hour of event_at. Add up the rows of an hour: it can have several.
--   hour    Begin of the hour, UTC
--   failed  Runs that failed
SELECT hour, failed
FROM rollup.failed_hours
