-- Counts of runs of all clients by the UTC day of event_at, platform and environment. Several rows can have the same
-- values of these columns. Add up their counts.
--   day          UTC day of event_at
--   platform     Kind of orchestrator
--   environment  Where the pipelines run
--   running      Number of runs that have not ended
--   success      Number of runs that succeeded
--   failed       Number of runs that failed
--   canceled     Number of runs that were canceled
--   skipped      Number of runs that were skipped
SELECT day, platform, environment, running, success, failed, canceled, skipped
FROM rollup.kind_days
UNION ALL
SELECT day, platform, environment, running, success, failed, canceled, skipped
FROM rollup.days
WHERE NOT in_totals
