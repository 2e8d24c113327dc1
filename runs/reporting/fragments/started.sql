-- Whether a run (r) had started by known_until, in any status. known_until is as_of if the caller gives as_of, else infinity.
-- Because of the first condition, PostgreSQL can begin its scan of the index runs_latest at known_until. The second condition
-- checks runs without a start.
coalesce(r.started_at, '-infinity'::timestamptz) <= %(known_until)s::timestamptz AND (r.started_at IS NOT NULL OR r.event_at <= %(known_until)s::timestamptz)
