-- Whether a run (r) had started by known_until, in any status. The first condition lets the index runs_latest start
-- there.
coalesce(r.started_at, '-infinity'::timestamptz) <= %(known_until)s::timestamptz AND (r.started_at IS NOT NULL OR r.event_at <= %(known_until)s::timestamptz)
