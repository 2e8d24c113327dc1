-- Whether a run (r) already had its stored status at state_at. This time is as_of if the request has as_of, else
-- infinity. Before its event_at, a run counts as running.
coalesce(r.started_at, '-infinity'::timestamptz) <= %(state_at)s::timestamptz AND r.event_at <= %(state_at)s::timestamptz
