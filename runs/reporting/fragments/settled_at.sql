-- The time from which a run (r) has its stored status.
greatest(r.started_at, r.event_at)
