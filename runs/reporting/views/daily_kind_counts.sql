-- Counts of runs of all clients by the UTC day of event_at, platform and environment. A day can have several rows with
-- the same platform and environment: add them up.
--   day          UTC day of event_at
--   platform     Kind of orchestrator
--   environment  Where the pipelines run
--   running      Runs that have not ended
--   success      Runs that succeeded
--   failed       Runs that failed
--   canceled     Runs that were canceled
--   skipped      Runs that were skipped
SELECT day, platform, environment, running, success, failed, canceled, skipped
FROM rollup.kind_days
UNION ALL
SELECT day, platform, environment, running, success, failed, canceled, skipped
FROM rollup.days
WHERE NOT in_totals
