-- The time from which a run (r) has its stored status: its start or its event_at, whichever is later.
greatest(r.started_at, r.event_at)
