-- Whether a run (r) had its stored status at known_until, which is as_of if as_of is given, else infinity. Before its
-- event_at, a run counts as running.
coalesce(r.started_at, '-infinity'::timestamptz) <= %(known_until)s::timestamptz AND r.event_at <= %(known_until)s::timestamptz
