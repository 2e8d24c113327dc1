-- Counts of failed runs by the UTC month of event_at and pipeline. A pipeline and month can have several rows. Add up
-- their counts.
--   month        First day of the UTC month of event_at
--   pipeline_id  Key of the pipeline
--   failed       Number of runs that failed
SELECT month, pipeline_id, failed
FROM rollup.failed_months
