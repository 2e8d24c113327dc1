-- Whether a run (r) already had its stored status at known_until. known_until is as_of if the caller gives as_of, else
-- infinity. Before its event_at, a run counts as running.
coalesce(r.started_at, '-infinity'::timestamptz) <= %(known_until)s::timestamptz AND r.event_at <= %(known_until)s::timestamptz
