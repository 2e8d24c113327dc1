-- Whether a run (r) is known by known_until, with whatever status. The first condition is a bound of runs_latest.
coalesce(r.started_at, '-infinity'::timestamptz) <= %(known_until)s::timestamptz AND (r.started_at IS NOT NULL OR r.event_at <= %(known_until)s::timestamptz)
