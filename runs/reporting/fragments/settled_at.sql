-- The moment from which a run (r) is settled.
greatest(r.started_at, r.event_at)
