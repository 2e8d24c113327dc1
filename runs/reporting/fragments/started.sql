-- Whether a run (r) had started by state_at, in any status. Because of the first condition, PostgreSQL can begin its
-- scan of the index runs_latest at state_at. The second condition checks runs without a start.
coalesce(r.started_at, '-infinity'::timestamptz) <= %(state_at)s::timestamptz AND (r.started_at IS NOT NULL OR r.event_at <= %(state_at)s::timestamptz)
