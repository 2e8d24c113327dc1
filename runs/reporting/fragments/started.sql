-- Whether a run (r) had started by known_until, in any status. known_until is as_of if as_of is given, else infinity.
-- Because of the first condition, a scan of the index runs_latest can start at known_until.
coalesce(r.started_at, '-infinity'::timestamptz) <= %(known_until)s::timestamptz AND (r.started_at IS NOT NULL OR r.event_at <= %(known_until)s::timestamptz)
