-- Whether a run started on another UTC day than that of event_at, on which the roll-up counts it. These are the words of the
-- two indexes runs_other_day and runs_other_day_by_start, so that PostgreSQL uses them.
date_bin('1 day', started_at, '2001-01-01T00:00:00Z') <> date_bin('1 day', event_at, '2001-01-01T00:00:00Z')
