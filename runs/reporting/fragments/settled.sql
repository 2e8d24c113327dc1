-- Whether a run (r) had its stored status by known_until. From its start until event_at it is open.
coalesce(r.started_at, '-infinity'::timestamptz) <= %(known_until)s::timestamptz AND r.event_at <= %(known_until)s::timestamptz
