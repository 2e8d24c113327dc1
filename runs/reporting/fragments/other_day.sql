-- Whether a run started on another UTC day than the day of event_at. The roll-up counts a run on the day of event_at.
-- The index runs_other_day_by_start has the same condition, and runs_other_day has `started_at IS NULL OR` this
-- condition. PostgreSQL uses an index only if the query has its condition too.
date_bin('1 day', started_at, '2001-01-01T00:00:00Z') <> date_bin('1 day', event_at, '2001-01-01T00:00:00Z')
