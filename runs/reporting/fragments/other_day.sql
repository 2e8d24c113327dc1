-- Whether a run started on another UTC day than the day of event_at. The roll-up counts a run on the day of event_at.
-- The indexes runs_other_day and runs_other_day_by_start have the same condition. PostgreSQL uses them only if the
-- query has it too.
date_bin('1 day', started_at, '2001-01-01T00:00:00Z') <> date_bin('1 day', event_at, '2001-01-01T00:00:00Z')
