-- Whether a run (r) had its stored status by known_until, which is as_of if given, else infinity. A run is open from its
-- start until event_at.
coalesce(r.started_at, '-infinity'::timestamptz) <= %(known_until)s::timestamptz AND r.event_at <= %(known_until)s::timestamptz
